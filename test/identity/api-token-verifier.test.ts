import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { createToken, listTokens, revokeToken } from "../../src/host/database/tokens.ts";
import { apiTokenVerifier } from "../../src/host/identity/api-token-verifier.ts";
import { newApiToken } from "../../src/host/identity/api-token.ts";
import type { Verifier } from "../../src/host/identity/authenticator.ts";
import { absentDatabase } from "../http/support/absent-database.ts";
import { OPERATOR, tokenFor } from "../http/support/callers.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { movedClock } from "./support/moved-clock.ts";

let postgres: TestDatabase;
let database: Database;
const roundTrips: string[] = [];
const clock = movedClock(1_000_000);
/** Two hosts on one database. */
let verify: Verifier;
let verifyElsewhere: Verifier;

beforeAll(async () => {
  postgres = await testDatabase();
  database = postgres.open({ onRoundTrip: (name) => roundTrips.push(name) });
  verify = apiTokenVerifier({ database, clock, logger: silentLogger });
  verifyElsewhere = apiTokenVerifier({ database: postgres.open(), clock, logger: silentLogger });
});

beforeEach(() => {
  clock.nowMs += 10_000;
  roundTrips.length = 0;
});

afterAll(() => postgres.close());

function age(name: string, column: "expires_at" | "last_used_at", seconds: number): Promise<readonly unknown[]> {
  return database.query(
    `test_age_${column}`,
    `update tasker_host.api_tokens set created_at = created_at - make_interval(secs => $2), ${column} = ${column} - make_interval(secs => $2)
      where name = $1`,
    [name, seconds],
  );
}

describe("`apiTokenVerifier()`", () => {
  it("recognises a caller with what its token was made with", async () => {
    const token = await tokenFor(database, { name: "ci", permissions: ["tasks:read"], namespaces: ["flows"] });
    expect(await verify(token, "10.0.0.7")).toEqual({
      actor: { kind: "token", name: "ci", origin: "10.0.0.7", handle: token.split("_")[1] },
      permissions: new Set(["tasks:read"]),
      namespaces: ["flows"],
    });
  });

  it("refuses a token with the handle of another and a secret of its own", async () => {
    const { text } = newApiToken();
    const { handle, secretHash } = newApiToken();
    await createToken(database, OPERATOR, {
      handle: text.slice(5, 13),
      name: "stolen handle",
      secretHash,
      permissions: ["*"],
      namespaces: "*",
      lifetimeSeconds: 60,
    });
    await expect(verify(text, "")).rejects.toMatchObject({ code: "TSK_AUTH_INVALID" });
    expect(handle).not.toBe(text.slice(5, 13));
  });

  it("refuses a revoked token within a second, also on a host that has just seen it", async () => {
    const token = await tokenFor(database, { name: "short-lived" });
    await Promise.all([verify(token, ""), verifyElsewhere(token, "")]);
    await revokeToken(database, OPERATOR, "short-lived");
    clock.nowMs += 1_000;
    await expect(verify(token, "")).rejects.toMatchObject({ code: "TSK_AUTH_REVOKED" });
    await expect(verifyElsewhere(token, "")).rejects.toMatchObject({ code: "TSK_AUTH_REVOKED" });
  });

  it("refuses an expired token within a second, by the database's clock", async () => {
    const token = await tokenFor(database, { name: "aging" });
    await verify(token, "");
    await age("aging", "expires_at", 3_601);
    clock.nowMs += 1_000;
    await expect(verify(token, "")).rejects.toMatchObject({ code: "TSK_AUTH_EXPIRED" });
  });

  it("asks the database once a second for a busy caller", async () => {
    const token = await tokenFor(database, { name: "busy" });
    roundTrips.length = 0;
    for (let request = 0; request < 50; request += 1) await verify(token, "");
    expect(roundTrips).toEqual(["find_token", "note_token_use"]);
    clock.nowMs += 1_000;
    await verify(token, "");
    expect(roundTrips).toEqual(["find_token", "note_token_use", "find_token"]);
  });

  it("asks the database nothing for what is no token", async () => {
    await expect(verify(`tskh_${"a".repeat(58)}`, "")).rejects.toMatchObject({ code: "TSK_AUTH_INVALID" });
    expect(roundTrips).toEqual([]);
  });

  it("notes the last use to the minute", async () => {
    const token = await tokenFor(database, { name: "noted" });
    const lastUse = async (): Promise<string | null | undefined> =>
      (await listTokens(database)).find(({ name }) => name === "noted")?.last_used_at;
    expect(await lastUse()).toBeNull();
    await verify(token, "");
    expect(await lastUse()).not.toBeNull();
    await age("noted", "last_used_at", 120);
    const old = await lastUse();
    clock.nowMs += 1_000;
    await verify(token, "");
    expect(await lastUse()).not.toBe(old);
  });

  it("says that the database is away, and nothing of the token", async () => {
    await using absent = absentDatabase();
    const verifyBlindly = apiTokenVerifier({ database: absent, clock, logger: silentLogger });
    await expect(verifyBlindly(newApiToken().text, "")).rejects.toMatchObject({ code: "TSK_DATABASE_UNREACHABLE" });
  });
});

describe("`createToken()`", () => {
  it("keeps no secret, and tells the audit who made what", async () => {
    const token = await tokenFor(database, { name: "told", permissions: ["handlers:*"], namespaces: ["flows"] });
    const tables = await database.query<{ readonly text: string }>(
      "test_all_text",
      `select string_agg(t::text, ' ') || (select string_agg(a::text, ' ') from tasker_host.audit_entries a) as text
         from tasker_host.api_tokens t`,
    );
    expect(tables[0]?.text).toContain("told");
    expect(tables[0]?.text).not.toContain(token.slice(14));
    const entries = await database.query<{ readonly subject: string }>(
      "test_created",
      `select actor_name, subject from tasker_host.audit_entries where action = 'token.created' and subject ->> 'name' = 'told'`,
    );
    expect(entries).toMatchObject([{ actor_name: "operator" }]);
    expect(JSON.parse(entries[0]?.subject ?? "")).toMatchObject({ permissions: ["handlers:*"], namespaces: ["flows"] });
  });

  it("refuses a name that is taken, until its token is revoked", async () => {
    await tokenFor(database, { name: "twice" });
    await expect(tokenFor(database, { name: "twice" })).rejects.toThrow("already");
    expect(await revokeToken(database, OPERATOR, "twice")).toMatchObject({ name: "twice" });
    expect(await revokeToken(database, OPERATOR, "twice")).toBeUndefined();
    await tokenFor(database, { name: "twice" });
  });
});
