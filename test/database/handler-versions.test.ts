import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadComponent } from "../../src/host/database/components.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { readGrants, setGrants } from "../../src/host/database/grants.ts";
import {
  activeCallables,
  listActivations,
  listHandlers,
  listRanSteps,
  loadSourceMap,
  readVersion,
  type StepsCursor,
  versionDigests,
} from "../../src/host/database/handler-lists.ts";
import {
  approveVersion,
  deactivateHandler,
  deleteVersion,
  deprecateVersion,
  lastServerOf,
  type NewVersion,
  promoteVersion,
  registerVersion,
  replaceVersion,
  rollBackHandler,
} from "../../src/host/database/handler-versions.ts";
import type { Actor } from "../../src/host/domain/actor.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const ACTOR: Actor = { kind: "token", name: "ci", origin: "127.0.0.1" };
const RULES = { defaults: ["log", "wasi"], ceiling: ["log", "wasi"] };
const LOG = "tasker:handler/log@1.0.0";

let test: TestDatabase;
let database: Database;
let namespace: string;
let count = 0;
beforeAll(async () => {
  test = await testDatabase();
  database = test.open({ maxConnections: 8 });
});
beforeEach(() => {
  namespace = `space_${(count += 1)}`;
});
afterAll(() => test.close());

function newVersion(
  name: string,
  version: string,
  given: Partial<NewVersion> & { imports?: string[] } = {},
): NewVersion {
  const { imports = [LOG], ...overrides } = given;
  const bytes = new Uint8Array(randomBytes(100));
  return {
    namespace,
    name,
    version,
    actor: ACTOR,
    callables: [`${name}.run`],
    component: {
      digest: createHash("sha256").update(bytes).digest("hex"),
      bytes,
      imports,
      exports: [],
      capabilities: imports.some((each) => each.startsWith("wasi:")) ? ["log", "wasi"] : ["log"],
      preparerVersion: "1",
      fuelScheduleId: "f1",
      artifact: new Uint8Array([1, 2, 3]),
      describeFuel: 5,
    },
    sourceMap: undefined,
    replaceArtifact: false,
    ...overrides,
  };
}

async function register(
  name: string,
  version: string,
  given: Parameters<typeof newVersion>[2] = {},
): Promise<NewVersion> {
  const made = newVersion(name, version, given);
  expect(await registerVersion(database, made)).toEqual({ verdict: "created" });
  return made;
}
const promote = (name: string, version: string) => promoteVersion(database, ACTOR, { namespace, name, version }, RULES);
const rollBack = (name: string) => rollBackHandler(database, ACTOR, { namespace, name }, RULES);

async function auditActions(): Promise<readonly string[]> {
  return (await audited()).map(({ action }) => action);
}

async function audited(): Promise<readonly { action: string; subject: unknown }[]> {
  const rows = await database.query<{ action: string; subject: string }>(
    "test_audit",
    "select action, subject::text as subject from tasker_host.audit_entries where namespace = $1 order by entry_id",
    [namespace],
  );
  return rows.map(({ action, subject }) => ({ action, subject: JSON.parse(subject) as unknown }));
}

describe("registerVersion()", () => {
  it("knows the same bytes again, refuses others, and leaves nothing of them", async () => {
    const first = await register("pay", "1.0.0");
    expect(await registerVersion(database, first)).toEqual({ verdict: "known" });
    const other = newVersion("pay", "1.0.0");
    expect(await registerVersion(database, other)).toEqual({
      verdict: "conflict",
      digest: first.component.digest,
      deleted: false,
    });
    expect(await loadComponent(database, other.component.digest)).toBeUndefined();
    expect(await auditActions()).toEqual(["handler.uploaded"]);
    expect(await readVersion(database, first)).toMatchObject({ active: false, uploaded_by: ACTOR, size_bytes: 100 });
  });

  it("lets one of many win that bring other bytes at once, and keeps nothing of the others", async () => {
    const uploads = Array.from({ length: 20 }, () => newVersion("pay", "1.0.0"));
    const answers = await Promise.all(uploads.map((each) => registerVersion(database, each)));
    expect(answers.filter(({ verdict }) => verdict === "created")).toHaveLength(1);
    expect(answers.filter(({ verdict }) => verdict === "conflict")).toHaveLength(19);
    const stored = await Promise.all(uploads.map(({ component }) => loadComponent(database, component.digest)));
    expect(stored.filter((each) => each !== undefined)).toHaveLength(1);
  });

  it("puts other bytes in the place of a version where it is told to", async () => {
    const before = await register("pay", "1.0.0");
    await promote("pay", "1.0.0");
    const after = newVersion("pay", "1.0.0");
    expect(await replaceVersion(database, after, RULES, false)).toEqual({
      verdict: "replaced",
      promotion: { verdict: "promoted", replaced: { version: "1.0.0", digest: before.component.digest } },
    });
    expect(await readVersion(database, after)).toMatchObject({ digest: after.component.digest, active: true });
  });
});

describe("registerVersion() and source maps", () => {
  const sourceMapOf = (namespaceOf: string, { component }: NewVersion) =>
    loadSourceMap(database, { namespace: namespaceOf, digest: component.digest });

  it("keeps the map for the namespace that brought it, and not for another with the same bytes", async () => {
    const mine = await register("pay", "1.0.0");
    const theirs = { ...mine, namespace: `${namespace}_b`, sourceMap: "theirs" };
    await registerVersion(database, theirs);
    expect(await sourceMapOf(theirs.namespace, mine)).toBe("theirs");
    expect(await sourceMapOf(namespace, mine)).toBeUndefined();
    expect(await readVersion(database, mine)).toMatchObject({ has_source_map: false });
  });

  it("takes one that comes later, says so in the audit, and keeps the first", async () => {
    const first = await register("pay", "1.0.0");
    expect(await registerVersion(database, { ...first, sourceMap: "one" })).toEqual({ verdict: "known" });
    expect(await registerVersion(database, { ...first, sourceMap: "two" })).toEqual({ verdict: "known" });
    expect(await sourceMapOf(namespace, first)).toBe("one");
    expect(await auditActions()).toEqual(["handler.uploaded", "handler.source_map_added"]);
  });
});

describe("what was stored damaged", () => {
  it("is whole again after the same bytes came again", async () => {
    const made = await register("pay", "1.0.0");
    await database.query("test_damage", "update tasker_host.components set bytes = '\\x00' where digest = $1", [
      made.component.digest,
    ]);
    await registerVersion(database, made);
    expect(await loadComponent(database, made.component.digest)).toEqual(made.component.bytes);
  });

  it("is said in the audit to be repaired, by whom, and once", async () => {
    const made = await register("pay", "1.0.0");
    const { digest } = made.component;
    await database.query("test_damage", "update tasker_host.components set bytes = '\\x00' where digest = $1", [
      digest,
    ]);
    await database.query("test_harm", "update tasker_host.artifacts set bytes = '\\x00' where digest = $1", [digest]);
    await registerVersion(database, made);
    await registerVersion(database, made);
    const repaired = { name: "pay", version: "1.0.0", digest, repaired: ["prepared form", "component"] };
    expect((await audited()).slice(1)).toEqual([{ action: "handler.repaired", subject: repaired }]);
    // The host found something wrong in what has the right digest.
    await registerVersion(database, { ...made, replaceArtifact: true });
    expect((await audited()).at(-1)).toMatchObject({ subject: { repaired: ["prepared form"] } });
  });
});

describe("a version's number", () => {
  const remove = (version: string) => deleteVersion(database, ACTOR, { namespace, name: "pay", version });

  it.each(["that was active", "that never was active"])(
    "of a version %s is free for the same bytes only",
    async (kind) => {
      const first = await register("pay", "1.0.0");
      if (kind === "that was active") {
        await promote("pay", "1.0.0");
        await deactivateHandler(database, ACTOR, { namespace, name: "pay" });
      }
      expect(await remove("1.0.0")).toEqual({ verdict: "deleted" });
      const { digest } = first.component;
      const other = newVersion("pay", "1.0.0");
      expect(await registerVersion(database, other)).toEqual({ verdict: "conflict", digest, deleted: true });
      expect(await loadComponent(database, other.component.digest)).toBeUndefined();
      expect(await versionDigests(database, first)).toEqual([digest]);
      expect(await registerVersion(database, first)).toEqual({ verdict: "created", again: true });
      // In another namespace it stands for what that says.
      expect(await registerVersion(database, { ...other, namespace: `${namespace}_b` })).toEqual({
        verdict: "created",
      });
    },
  );

  it("is that of what a developer's host put there last, and knows what it was before", async () => {
    const first = await register("pay", "1.0.0");
    const second = newVersion("pay", "1.0.0");
    await replaceVersion(database, second, RULES, false);
    const digests = [second.component.digest, first.component.digest];
    expect(await versionDigests(database, first)).toEqual(digests);
    expect(await registerVersion(database, first)).toMatchObject({ verdict: "conflict", digest: digests[0] });
    await replaceVersion(database, first, RULES, false);
    expect(await versionDigests(database, first)).toEqual(digests.toReversed());
    expect(await versionDigests(database, { ...first, version: "9.9.9" })).toEqual([]);
  });

  it("of versions from before is bound to what there is, and to what was", async () => {
    const here = await register("pay", "1.0.0");
    const gone = await register("pay", "1.1.0");
    await promote("pay", "1.1.0");
    await promote("pay", "1.0.0");
    await remove("1.1.0");
    const path = new URL("../../migrations/tasker_host/0008_bound_versions.sql", import.meta.url);
    const [backfill = ""] = /^insert into tasker_host\.version_digests[^;]*;/m.exec(readFileSync(path, "utf8")) ?? [];
    await database.query("test_unbound", "delete from tasker_host.version_digests");
    await database.query("test_backfill", backfill);
    expect(await versionDigests(database, here)).toEqual([here.component.digest]);
    expect(await versionDigests(database, gone)).toEqual([gone.component.digest]);
    expect(await registerVersion(database, newVersion("pay", "1.1.0"))).toMatchObject({ verdict: "conflict" });
  });

  it("that a host from before gave is bound when it comes again, or goes", async () => {
    const again = await register("pay", "1.0.0");
    const gone = await register("pay", "1.1.0");
    await database.query("test_unbound", "delete from tasker_host.version_digests");
    expect(await registerVersion(database, again)).toEqual({ verdict: "known" });
    expect(await remove("1.1.0")).toEqual({ verdict: "deleted" });
    expect(await versionDigests(database, again)).toEqual([again.component.digest]);
    expect(await registerVersion(database, newVersion("pay", "1.1.0"))).toMatchObject({
      verdict: "conflict",
      digest: gone.component.digest,
    });
  });
});

it("a namespace that can have no queue has no version, whoever writes it", async () => {
  const wrong = { ...newVersion("pay", "1.0.0"), namespace: "My-Shop;x" };
  await expect(registerVersion(database, wrong)).rejects.toMatchObject({ code: "23514" });
  await expect(replaceVersion(database, wrong, RULES, false)).rejects.toMatchObject({ code: "23514" });
});

describe("promoteVersion()", () => {
  it("serves the callables of what was promoted last, and says what it replaced", async () => {
    const first = await register("pay", "1.0.0", { callables: ["pay.a", "pay.b"] });
    await register("pay", "1.1.0", { callables: ["pay.b", "pay.c"] });
    expect(await promote("pay", "1.0.0")).toEqual({ verdict: "promoted", replaced: null });
    expect(await promote("pay", "1.0.0")).toEqual({ verdict: "unchanged" });
    expect(await promote("pay", "1.1.0")).toEqual({
      verdict: "promoted",
      replaced: { version: "1.0.0", digest: first.component.digest },
    });
    expect(await activeCallables(database, namespace)).toEqual(["pay.b", "pay.c"]);
    expect(await listHandlers(database, [namespace])).toMatchObject([{ versions: 2, active: { version: "1.1.0" } }]);
    expect(await promote("pay", "9.9.9")).toEqual({ verdict: "unknown" });
  });

  it("refuses a callable that another active component serves, says who, and changes nothing", async () => {
    await register("theirs", "2.0.0", { callables: ["shared", "other"] });
    await register("mine", "1.0.0", { callables: ["own"] });
    await register("mine", "1.1.0", { callables: ["shared", "new", "other"] });
    await promote("theirs", "2.0.0");
    await promote("mine", "1.0.0");
    expect(await promote("mine", "1.1.0")).toEqual({
      verdict: "callable_taken",
      conflicts: [
        { callable: "other", held_by: "theirs@2.0.0" },
        { callable: "shared", held_by: "theirs@2.0.0" },
      ],
    });
    expect(await activeCallables(database, namespace)).toEqual(["other", "own", "shared"]);
  });

  it("lets one of many win that want the same callable at once", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `handler-${index}`);
    await Promise.all(names.map((name) => register(name, "1.0.0", { callables: ["wanted"] })));
    const answers = await Promise.all(names.map((name) => promote(name, "1.0.0")));
    expect(answers.filter(({ verdict }) => verdict === "promoted")).toHaveLength(1);
    expect(answers.filter(({ verdict }) => verdict === "callable_taken")).toHaveLength(7);
  });

  it("asks for an approval where it imports more than the active version, whatever their versions are", async () => {
    await register("pay", "1.0.0", { imports: [LOG, "wasi:io/streams@0.2.3", "wasi:cli/stdout@0.2.3"] });
    await register("pay", "1.1.0", { imports: [LOG, "wasi:io/streams@0.2.6"] });
    await register("pay", "1.2.0", { imports: [LOG, "wasi:io/streams@0.2.6", "wasi:random/random@0.2.6"] });
    await promote("pay", "1.0.0");
    expect(await promote("pay", "1.1.0")).toMatchObject({ verdict: "promoted" });
    expect(await promote("pay", "1.2.0")).toEqual({
      verdict: "needs_approval",
      active: "1.1.0",
      added: ["wasi:random/random"],
      removed: [],
    });
    expect(await approveVersion(database, ACTOR, { namespace, name: "pay", version: "1.2.0" })).toBe(true);
    expect(await promote("pay", "1.2.0")).toMatchObject({ verdict: "promoted" });
    expect(await auditActions()).toContain("grant.approved");
  });

  it("asks for it where a callable comes to another handler, too, also after its own version was deleted", async () => {
    const random = "wasi:random/random@0.2.6";
    await register("pay", "1.0.0", { callables: ["pay.a", "pay.x"] });
    await register("pay", "1.1.0", { callables: ["pay.a"] });
    await register("pay2", "1.0.0", { callables: ["pay.x"], imports: [LOG, random] });
    await register("narrow", "1.0.0", { callables: ["pay.x"] });
    await register("fresh", "1.0.0", { callables: ["fresh.x"], imports: [LOG, random] });
    for (const version of ["1.0.0", "1.1.0"]) await promote("pay", version);
    await deleteVersion(database, ACTOR, { namespace, name: "pay", version: "1.0.0" });
    expect(await promote("pay2", "1.0.0")).toEqual({
      verdict: "needs_approval",
      active: "pay@1.0.0",
      added: ["wasi:random/random"],
      removed: [],
    });
    // A callable that never ran is held against the grants alone.
    expect(await promote("fresh", "1.0.0")).toMatchObject({ verdict: "promoted" });
    expect(await promote("narrow", "1.0.0")).toMatchObject({ verdict: "promoted" });
  });

  it("asks for it after a deactivation as before", async () => {
    await register("pay", "1.0.0");
    await register("pay", "1.1.0", { imports: [LOG, "wasi:random/random@0.2.6"] });
    await promote("pay", "1.0.0");
    await deactivateHandler(database, ACTOR, { namespace, name: "pay" });
    expect(await promote("pay", "1.1.0")).toMatchObject({ verdict: "needs_approval", active: "1.0.0" });
  });

  it("refuses what is beyond the host's ceiling, whatever was granted", async () => {
    await register("pay", "1.0.0", { imports: [LOG, "wasi:random/random@0.2.6"] });
    await setGrants(database, ACTOR, namespace, { capabilities: ["log", "wasi"] });
    const version = { namespace, name: "pay", version: "1.0.0" };
    const refused = { verdict: "not_granted", missing: ["wasi"], granted: ["log"] };
    expect(await promoteVersion(database, ACTOR, version, { ...RULES, ceiling: ["log"] })).toEqual(refused);
    expect(await promoteVersion(database, ACTOR, version, RULES)).toMatchObject({ verdict: "promoted" });
    await register("pay", "1.1.0");
    await promote("pay", "1.1.0");
    expect(await rollBackHandler(database, ACTOR, version, { ...RULES, ceiling: ["log"] })).toMatchObject(refused);
  });

  it("refuses what the namespace was not granted, approved or not", async () => {
    await register("pay", "1.0.0", { imports: [LOG, "wasi:random/random@0.2.6"] });
    await setGrants(database, ACTOR, namespace, { capabilities: ["log"] });
    await approveVersion(database, ACTOR, { namespace, name: "pay", version: "1.0.0" });
    expect(await promote("pay", "1.0.0")).toEqual({ verdict: "not_granted", missing: ["wasi"], granted: ["log"] });
  });

  it("refuses a deprecated version until it is none", async () => {
    await register("pay", "1.0.0");
    const version = { namespace, name: "pay", version: "1.0.0" };
    expect(await deprecateVersion(database, ACTOR, version, true)).toBe(true);
    expect(await promote("pay", "1.0.0")).toEqual({ verdict: "deprecated" });
    const shown = { deprecated_at: expect.any(String) as unknown, deprecated_by: ACTOR };
    expect(await readVersion(database, version)).toMatchObject(shown);
    await deprecateVersion(database, { ...ACTOR, name: "later" }, version, true);
    expect(await readVersion(database, version)).toMatchObject(shown);
    await deprecateVersion(database, ACTOR, version, false);
    expect(await readVersion(database, version)).toMatchObject({ deprecated_at: null, deprecated_by: null });
    expect(await promote("pay", "1.0.0")).toMatchObject({ verdict: "promoted" });
  });
});

describe("listRanSteps()", () => {
  it("goes page by page through what all digests of a version ran, newest first", async () => {
    const first = await register("pay", "1.0.0");
    const second = newVersion("pay", "1.0.0");
    await replaceVersion(database, second, RULES, false);
    const digests = await versionDigests(database, first);
    await database.query(
      "test_leases",
      `insert into tasker_host.step_leases
         (workflow_step_uuid, epoch, attempt, task_uuid, namespace, session_uuid, digest, claimed_at, ended_at, ended_as)
       select gen_random_uuid(), 1, n, gen_random_uuid(), $1, gen_random_uuid(), ($2::text[])[1 + n % 2],
              timestamp '2026-01-01' + make_interval(mins => n), timestamp '2026-01-02', 'taken_over'
         from generate_series(1, 7) n`,
      [namespace, digests],
    );
    const seen: [number, string][] = [];
    for (let cursor: StepsCursor | undefined, left = 7; left > 0; left -= 2) {
      const page = await listRanSteps(database, { namespace, digests }, cursor, 2);
      seen.push(...page.map(({ attempt, digest }): [number, string] => [attempt, digest]));
      const last = page.at(-1);
      cursor = last && { claimedAt: last.claimed_at, stepUuid: last.step_uuid, epoch: last.epoch };
      // Pruned steps have no names, and attempts without a result no outcome.
      expect(last).toMatchObject({ step_name: null, outcome: null, ended_as: "taken_over" });
    }
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1].map((attempt) => [attempt, digests[attempt % 2]]));
  });
});

describe("approveVersion()", () => {
  it("keeps who approved first, and when", async () => {
    await register("pay", "1.0.0");
    const version = { namespace, name: "pay", version: "1.0.0" };
    await approveVersion(database, ACTOR, version);
    const first = await readVersion(database, version);
    await approveVersion(database, { ...ACTOR, name: "later" }, version);
    expect(await readVersion(database, version)).toEqual(first);
    expect(first).toMatchObject({ approved_by: ACTOR });
    expect((await auditActions()).slice(1)).toEqual(["grant.approved", "grant.approved"]);
  });
});

describe("setGrants()", () => {
  const grants = (changes: Parameters<typeof setGrants>[3]) => setGrants(database, ACTOR, namespace, changes);
  const stored = async () => {
    const found = await readGrants(database, namespace);
    return found && { capabilities: found.capabilities, limits: found.limits };
  };

  it("changes what it names, and leaves the rest as it is stored", async () => {
    await grants({ limits: { fuel: 5 } });
    expect(await stored()).toEqual({ capabilities: null, limits: { fuel: 5 } });
    await grants({ capabilities: ["wasi", "log", "log"] });
    await grants({ limits: { deadline_ms: 10 } });
    expect(await stored()).toEqual({ capabilities: ["log", "wasi"], limits: { fuel: 5, deadline_ms: 10 } });
    await grants({ capabilities: [] });
    expect(await stored()).toMatchObject({ capabilities: [] });
  });

  it("returns members to the host's default, and knows nothing of a namespace that has only those", async () => {
    await grants({ capabilities: ["log"], limits: { fuel: 5, max_log_bytes: 0 } });
    await grants({ capabilities: null, limits: { fuel: null } });
    expect(await stored()).toEqual({ capabilities: null, limits: { max_log_bytes: 0 } });
    await grants({ limits: { max_log_bytes: null } });
    expect(await stored()).toBeUndefined();
    await register("pay", "1.0.0", { imports: [LOG, "wasi:random/random@0.2.6"] });
    expect(await promote("pay", "1.0.0")).toMatchObject({ verdict: "promoted" });
  });

  it("loses none of many changes at once", async () => {
    const limits = ["fuel", "deadline_ms", "max_payload_bytes", "max_result_bytes", "max_log_bytes"] as const;
    await Promise.all([
      ...limits.map((name, index) => grants({ limits: { [name]: 100 + index } })),
      grants({ capabilities: ["log"] }),
    ]);
    expect(await stored()).toEqual({
      capabilities: ["log"],
      limits: Object.fromEntries(limits.map((name, index) => [name, 100 + index])),
    });
  });

  it("says what was and what is, and nothing where nothing changed", async () => {
    await grants({});
    await grants({ capabilities: null, limits: { fuel: null } });
    expect(await audited()).toEqual([]);
    await grants({ capabilities: ["log"] });
    await grants({ capabilities: ["log"] });
    await grants({ limits: { fuel: 5 } });
    const granted = { capabilities: ["log"], limits: {} };
    expect(await audited()).toEqual([
      { action: "grant.changed", subject: { before: null, after: granted } },
      { action: "grant.changed", subject: { before: granted, after: { ...granted, limits: { fuel: 5 } } } },
    ]);
  });
});

describe("rollBackHandler()", () => {
  it("undoes one promotion after the other", async () => {
    for (const version of ["1.0.0", "1.1.0", "1.2.0"]) {
      await register("pay", version);
      await promote("pay", version);
    }
    expect(await rollBack("pay")).toMatchObject({ verdict: "rolled_back", version: "1.1.0" });
    expect(await rollBack("pay")).toMatchObject({ verdict: "rolled_back", version: "1.0.0" });
    expect(await rollBack("pay")).toEqual({ verdict: "nothing" });
    expect(await rollBack("nobody")).toEqual({ verdict: "unknown" });
    await promote("pay", "1.2.0");
    expect(await rollBack("pay")).toMatchObject({ verdict: "rolled_back", version: "1.0.0" });
    const activations = await listActivations(database, namespace, "pay");
    expect(activations.map(({ version, reason }) => `${reason} ${version}`)).toEqual([
      "rolled_back 1.0.0",
      "promoted 1.2.0",
      "rolled_back 1.0.0",
      "rolled_back 1.1.0",
      "promoted 1.2.0",
      "promoted 1.1.0",
      "promoted 1.0.0",
    ]);
  });

  it("passes over versions that are deprecated or gone", async () => {
    for (const version of ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]) {
      await register("pay", version);
      await promote("pay", version);
    }
    await deprecateVersion(database, ACTOR, { namespace, name: "pay", version: "1.2.0" }, true);
    await deleteVersion(database, ACTOR, { namespace, name: "pay", version: "1.1.0" });
    expect(await rollBack("pay")).toMatchObject({ verdict: "rolled_back", version: "1.0.0" });
  });
});

describe("deactivateHandler()", () => {
  const deactivate = (name: string) => deactivateHandler(database, ACTOR, { namespace, name });

  it("leaves nothing active, lets another handler have the callables, and the version be deleted", async () => {
    const { component } = await register("pay", "1.0.0", { callables: ["shared"] });
    await register("other", "1.0.0", { callables: ["shared"] });
    await promote("pay", "1.0.0");
    expect(await promote("other", "1.0.0")).toMatchObject({ verdict: "callable_taken" });
    expect(await deactivate("pay")).toEqual({ verdict: "deactivated", version: "1.0.0", digest: component.digest });
    expect(await activeCallables(database, namespace)).toEqual([]);
    expect(await listHandlers(database, [namespace])).toMatchObject([{ name: "other" }, { name: "pay", active: null }]);
    expect(await deactivate("pay")).toEqual({ verdict: "nothing" });
    expect(await deactivate("nobody")).toEqual({ verdict: "unknown" });
    expect(await promote("other", "1.0.0")).toMatchObject({ verdict: "promoted" });
    const version = { namespace, name: "pay", version: "1.0.0" };
    expect(await deleteVersion(database, ACTOR, version)).toEqual({ verdict: "deleted" });
    expect((await auditActions()).slice(-4)).toEqual([
      "handler.promoted",
      "handler.deactivated",
      "handler.promoted",
      "handler.deleted",
    ]);
  });

  it("is undone by a roll back, and the next one goes on to what was before", async () => {
    for (const version of ["1.0.0", "1.1.0"]) {
      await register("pay", version);
      await promote("pay", version);
    }
    await deactivate("pay");
    expect(await rollBack("pay")).toEqual({ verdict: "rolled_back", version: "1.1.0", replaced: null });
    expect(await rollBack("pay")).toMatchObject({ verdict: "rolled_back", version: "1.0.0" });
    expect(await rollBack("pay")).toEqual({ verdict: "nothing" });
  });

  it("is passed over by the roll back of a promotion that came after it", async () => {
    await register("pay", "1.0.0");
    await register("pay", "1.1.0");
    await promote("pay", "1.0.0");
    await deactivate("pay");
    expect(await promote("pay", "1.1.0")).toEqual({ verdict: "promoted", replaced: null });
    expect(await rollBack("pay")).toMatchObject({ verdict: "rolled_back", version: "1.0.0" });
    const activations = await listActivations(database, namespace, "pay");
    expect(activations.map(({ reason }) => reason)).toEqual(["rolled_back", "promoted", "deactivated", "promoted"]);
  });

  it("does not make it forgotten who served its callables: the last one, also where that version is deleted", async () => {
    const servedBefore = (callable: string) => lastServerOf(database, namespace, callable);
    await register("pay", "1.0.0", { callables: ["shared", "own"] });
    await register("other", "1.0.0", { callables: ["shared"] });
    expect(await servedBefore("shared")).toBeUndefined();
    await promote("pay", "1.0.0");
    await deactivate("pay");
    await promote("other", "1.0.0");
    await deactivate("other");
    await deleteVersion(database, ACTOR, { namespace, name: "other", version: "1.0.0" });
    expect(await servedBefore("shared")).toBe("other@1.0.0");
    expect(await servedBefore("own")).toBe("pay@1.0.0");
    expect(await servedBefore("nobody")).toBeUndefined();
    expect(await lastServerOf(database, "elsewhere", "own")).toBeUndefined();
  });

  it("tells the hosts", async () => {
    await register("pay", "1.0.0");
    await promote("pay", "1.0.0");
    const told = Promise.withResolvers<string>();
    database.listen({ tasker_host_registry: (payload) => told.resolve(payload) }, () => void deactivate("pay"));
    expect(await told.promise).toBe(namespace);
  });
});

describe("replaceVersion()", () => {
  it("changes nothing where the new bytes may not become active", async () => {
    const before = await register("pay", "1.0.0", { callables: ["own"] });
    await register("theirs", "1.0.0", { callables: ["taken"] });
    await promote("pay", "1.0.0");
    await promote("theirs", "1.0.0");
    const audited = await auditActions();
    const after = newVersion("pay", "1.0.0", { callables: ["own", "taken"] });
    expect(await replaceVersion(database, after, RULES, false)).toMatchObject({
      promotion: { verdict: "callable_taken" },
    });
    expect(await readVersion(database, after)).toMatchObject({ digest: before.component.digest, active: true });
    expect(await activeCallables(database, namespace)).toEqual(["own", "taken"]);
    expect(await loadComponent(database, after.component.digest)).toBeUndefined();
    expect(await auditActions()).toEqual(audited);
  });

  it("lets wider imports through, which its developer sees", async () => {
    await register("pay", "1.0.0");
    await promote("pay", "1.0.0");
    const wider = newVersion("pay", "1.0.0", { imports: [LOG, "wasi:random/random@0.2.6"] });
    expect(await replaceVersion(database, wider, RULES, false)).toMatchObject({ promotion: { verdict: "promoted" } });
    // Nobody was asked, and nobody can overlook it afterwards.
    const waived = { name: "pay", version: "1.0.0", digest: wider.component.digest, added: ["wasi:random/random"] };
    expect(await audited()).toContainEqual({
      action: "grant.approval_waived",
      subject: { ...waived, active: "1.0.0", removed: [] },
    });
  });

  it("leaves to somebody's roll back or deactivation what it knew before, where it is to promote the new only", async () => {
    const ifNew = (made: NewVersion) => replaceVersion(database, made, RULES, true);
    const old = newVersion("pay", "1.0.0");
    const bad = newVersion("pay", "1.1.0");
    expect(await ifNew(old)).toMatchObject({ verdict: "created", promotion: { verdict: "promoted" } });
    expect(await ifNew(bad)).toMatchObject({ verdict: "created", promotion: { verdict: "promoted" } });
    await rollBack("pay");
    expect(await ifNew(bad)).toEqual({ verdict: "known", promotion: null });
    expect(await readVersion(database, bad)).toMatchObject({ active: false });
    await deactivateHandler(database, ACTOR, { namespace, name: "pay" });
    for (const known of [old, bad]) expect(await ifNew(known)).toEqual({ verdict: "known", promotion: null });
    expect(await activeCallables(database, namespace)).toEqual([]);
    const mended = newVersion("pay", "1.1.0");
    expect(await ifNew(mended)).toMatchObject({ verdict: "replaced", promotion: { verdict: "promoted" } });
    // Saved again as it was: that is somebody's word, too.
    expect(await replaceVersion(database, old, RULES, false)).toMatchObject({ promotion: { verdict: "promoted" } });
  });

  it("promotes what was uploaded and never became active", async () => {
    const made = await register("pay", "1.0.0");
    expect(await replaceVersion(database, made, RULES, true)).toMatchObject({ promotion: { verdict: "promoted" } });
  });
});

describe("deleteVersion()", () => {
  const remove = (version: string) => deleteVersion(database, ACTOR, { namespace, name: "pay", version });

  it("deletes what no step needs, with its component where nobody else has it", async () => {
    const old = await register("pay", "1.0.0");
    await register("pay", "1.1.0");
    await promote("pay", "1.1.0");
    expect(await remove("1.1.0")).toEqual({ verdict: "active" });
    expect(await remove("1.0.0")).toEqual({ verdict: "deleted" });
    expect(await remove("1.0.0")).toEqual({ verdict: "unknown" });
    expect(await loadComponent(database, old.component.digest)).toBeUndefined();
    expect(await auditActions()).toEqual([
      "handler.uploaded",
      "handler.uploaded",
      "handler.promoted",
      "handler.deleted",
    ]);
  });

  it("keeps a component that another namespace has", async () => {
    const mine = await register("pay", "1.0.0");
    await registerVersion(database, { ...mine, namespace: `${namespace}_b` });
    expect(await remove("1.0.0")).toEqual({ verdict: "deleted" });
    expect(await loadComponent(database, mine.component.digest)).toBeDefined();
  });

  it.each([
    ["leased", "null", { leased: 1, waiting: 0 }],
    ["waiting for a retry", "now()", { leased: 0, waiting: 1 }],
  ])("refuses while a step that it ran is %s", async (_, endedAt, found) => {
    const { component } = await register("pay", "1.0.0");
    const step = crypto.randomUUID();
    await database.query(
      `test_lease_${endedAt}`,
      `insert into tasker_host.step_leases
         (workflow_step_uuid, epoch, attempt, task_uuid, namespace, session_uuid, digest, claimed_at, ended_at, ended_as)
       values ($1, 1, 1, $1, $2, $1, $3, now(), ${endedAt}, case when ${endedAt} is null then null else 'recorded' end)`,
      [step, namespace, component.digest],
    );
    if (endedAt !== "null") {
      const values = [step];
      await database.query("test_retry", "insert into tasker_host.step_retries values ($1, $1, now())", values);
    }
    expect(await remove("1.0.0")).toEqual({ verdict: "in_use", ...found });
  });
});
