import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { revokeToken } from "../../src/host/database/tokens.ts";
import type { App } from "../../src/host/http/document-route.ts";
import { AuditSchema } from "../../src/host/http/schemas/audit.ts";
import { ErrorSchema } from "../../src/host/http/schemas/errors.ts";
import { apiTokenVerifier } from "../../src/host/identity/api-token-verifier.ts";
import { requiredAuthentication } from "../../src/host/identity/authenticator.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { bearer, OPERATOR, tokenFor } from "./support/callers.ts";
import { testApp } from "./support/test-app.ts";

let postgres: TestDatabase;
let database: Database;
let app: App;
let auditor: string;
let insider: string;

beforeAll(async () => {
  postgres = await testDatabase();
  database = postgres.open();
  const apiToken = apiTokenVerifier({ database, clock: systemClock, logger: silentLogger });
  ({ app } = testApp({ database, authenticator: requiredAuthentication({ apiToken, jwt: undefined }) }));
  auditor = await tokenFor(database, { name: "auditor", permissions: ["audit:read"] });
  insider = await tokenFor(database, { name: "insider", permissions: ["audit:read"], namespaces: ["flows"] });
  for (let version = 1; version <= 5; version += 1) {
    await record("handler.uploaded", "flows", { name: "pay", version: `1.0.${version}` });
    await record("handler.uploaded", "secret", { name: "hush", version: `1.0.${version}` });
  }
  await record("handler.promoted", "flows", { name: "pay", big: "9007199254740993" });
});

afterAll(() => postgres.close());

function record(action: string, namespace: string | null, subject: object): Promise<readonly unknown[]> {
  const actor = { kind: "jwt", name: "alice", origin: "10.0.0.7" };
  const text = JSON.stringify(subject).replace('"9007199254740993"', "9007199254740993");
  return database.query("test_record", "select tasker_host.record_audit($1, $2, $3, $4)", [
    JSON.stringify(actor),
    action,
    namespace,
    text,
  ]);
}

async function read(query: string, token: string = auditor): Promise<z.infer<typeof AuditSchema>> {
  const response = await app.request(`/v1/audit${query}`, { headers: bearer(token) });
  expect(response.status).toBe(200);
  return AuditSchema.parse(await response.json());
}

describe("GET /v1/audit", () => {
  it("tells who did what, where and from where, newest first", async () => {
    const { entries } = await read("");
    expect(entries[0]).toMatchObject({
      action: "handler.promoted",
      namespace: "flows",
      actor: { kind: "jwt", name: "alice", origin: "10.0.0.7" },
    });
    expect(entries.at(-1)).toMatchObject({ action: "token.created", namespace: null, actor: { kind: "local" } });
    expect(entries.map(({ entry_id: id }) => id)).toEqual(
      entries.map(({ entry_id: id }) => id).toSorted((a, b) => b - a),
    );
    const text = await (await app.request("/v1/audit?limit=1", { headers: bearer(auditor) })).text();
    expect(text).toMatch(/"big": ?9007199254740993/);
  });

  it("goes page by page without gaps, also while entries are added", async () => {
    const seen: number[] = [];
    let before: number | null = null;
    do {
      const page = await read(`?limit=3${before === null ? "" : `&before=${before}`}`);
      seen.push(...page.entries.map(({ entry_id: id }) => id));
      before = page.next_before;
      await record("handler.uploaded", "flows", { name: "late" });
    } while (before !== null);
    expect(seen.length).toBe(13);
    expect(new Set(seen).size).toBe(13);
  });

  it.each([
    ["?namespace=secret", 5],
    ["?action=handler.promoted", 1],
    ["?actor=operator", 2],
    ["?actor=operator&namespace=flows", 0],
    ["?actor=%27%20or%201=1%20--", 0],
  ])("filters by %s", async (query, count) => {
    expect((await read(query)).entries.length).toBe(count);
  });

  it("tells a token from another one that took its name", async () => {
    const handles: (string | undefined)[] = [];
    for (const _ of ["first", "second"]) {
      const token = await tokenFor(database, { name: "ci" });
      const change = await app.request("/v1/namespaces/flows/grants", {
        method: "PATCH",
        headers: { ...bearer(token), "content-type": "application/json" },
        body: JSON.stringify({ limits: { fuel: 1_000 + handles.length } }),
      });
      expect(change.status).toBe(200);
      handles.push(token.split("_")[1]);
      await revokeToken(database, OPERATOR, "ci");
    }
    const actors = async (actor: string) => (await read(`?actor=${actor}&action=grant.changed`)).entries;
    expect((await actors("ci")).map((entry) => entry.actor.handle)).toEqual(handles.toReversed());
    expect(await actors(handles[0] ?? "")).toMatchObject([{ actor: { name: "ci", handle: handles[0] } }]);
    const grants = await app.request("/v1/namespaces/flows/grants", {
      headers: bearer(await tokenFor(database, { name: "eye" })),
    });
    expect(await grants.json()).toMatchObject({ changed_by: { kind: "token", name: "ci", handle: handles[1] } });
  });

  it("shows a caller of one namespace nothing of the others", async () => {
    const { entries } = await read("?limit=500", insider);
    expect(new Set(entries.map(({ namespace }) => namespace))).toEqual(new Set(["flows"]));
    const refused = await app.request("/v1/audit?namespace=secret", { headers: bearer(insider) });
    expect(refused.status).toBe(403);
  });

  it.each([
    "?limit=0",
    "?limit=501",
    "?limit=x",
    "?before=-1",
    "?before=1e9",
    "?action=DROP",
    "?namespace=Flows",
    "?page=2",
  ])("refuses %s", async (query) => {
    const response = await app.request(`/v1/audit${query}`, { headers: bearer(auditor) });
    expect(response.status).toBe(400);
    expect(ErrorSchema.parse(await response.json()).error.tsk_code).toBe("TSK_REQUEST_INVALID");
  });
});

describe("the audit's table", () => {
  it.each([
    "update tasker_host.audit_entries set actor_name = 'nobody'",
    "delete from tasker_host.audit_entries",
    "truncate tasker_host.audit_entries",
  ])("refuses `%s`, also of its owner", async (statement) => {
    const before = await count();
    const forge = database.session((client) => client.query(statement));
    await expect(forge).rejects.toMatchObject({ code: "42501", message: expect.stringContaining("only ever added") });
    expect(await count()).toBe(before);
  });

  it("lets go of old entries in a transaction that says so, and still changes none", async () => {
    await database.session(async (client) => {
      await client.query("begin");
      await client.query(`insert into tasker_host.audit_entries
        (recorded_at, action, actor_kind, actor_name, actor_origin, subject)
        values (now() at time zone 'UTC' - interval '25 hours', 'test.old', 'local', 'ada', 'cli', '{}')`);
      await client.query("set local tasker_host.pruning = 'audit'");
      const { rowCount } = await client.query("delete from tasker_host.audit_entries where action = 'test.old'");
      expect(rowCount).toBe(1);
      await expect(client.query("update tasker_host.audit_entries set action = 'a.b'")).rejects.toThrow(
        "only ever added",
      );
      await client.query("rollback");
    });
  });

  it("keeps those of the last day also then, whatever the session's clock says", async () => {
    const forge = database.session(async (client) => {
      await client.query("begin");
      await client.query("set local tasker_host.pruning = 'audit'");
      await client.query("set local tasker_host.now = '2099-01-01'");
      await client.query("delete from tasker_host.audit_entries where action = 'handler.promoted'");
    });
    await expect(forge).rejects.toMatchObject({ code: "42501", message: expect.stringContaining("the last day") });
    const pruned = await database.query<{ readonly n: number }>(
      "test_prune_all",
      "select tasker_host.prune_audit('{}', now()::timestamp + interval '1 day', 100) as n",
    );
    expect(pruned).toEqual([{ n: 0 }]);
    const without = "select tasker_host.prune_audit('{}', null, 100) as n";
    expect(await database.query("test_prune_none", without)).toEqual([{ n: 0 }]);
  });

  it("takes no entry without an actor", async () => {
    const nobody = database.query("test_nobody", "select tasker_host.record_audit($1, 'a.b', null, '{}')", ["{}"]);
    await expect(nobody).rejects.toMatchObject({ code: "23502" });
  });
});

async function count(): Promise<number | undefined> {
  const [row] = await database.query<{ readonly n: number }>(
    "test_count",
    "select count(*)::int as n from tasker_host.audit_entries",
  );
  return row?.n;
}
