import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadComponent } from "../../src/host/database/components.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { setGrants } from "../../src/host/database/grants.ts";
import {
  activeCallables,
  listActivations,
  listHandlers,
  loadSourceMap,
  readVersion,
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
  const rows = await database.query<{ action: string }>(
    "test_audit",
    "select action from tasker_host.audit_entries where namespace = $1 order by entry_id",
    [namespace],
  );
  return rows.map(({ action }) => action);
}

describe("registerVersion()", () => {
  it("knows the same bytes again, refuses others, and leaves nothing of them", async () => {
    const first = await register("pay", "1.0.0");
    expect(await registerVersion(database, first)).toEqual({ verdict: "known" });
    const other = newVersion("pay", "1.0.0");
    expect(await registerVersion(database, other)).toEqual({ verdict: "conflict", digest: first.component.digest });
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
    expect(await replaceVersion(database, after, RULES)).toEqual({
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
});

it("a namespace that can have no queue has no version, whoever writes it", async () => {
  const wrong = { ...newVersion("pay", "1.0.0"), namespace: "My-Shop;x" };
  await expect(registerVersion(database, wrong)).rejects.toMatchObject({ code: "23514" });
  await expect(replaceVersion(database, wrong, RULES)).rejects.toMatchObject({ code: "23514" });
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
    await setGrants(database, ACTOR, { namespace, capabilities: ["log", "wasi"], limits: {} });
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
    await setGrants(database, ACTOR, { namespace, capabilities: ["log"], limits: {} });
    await approveVersion(database, ACTOR, { namespace, name: "pay", version: "1.0.0" });
    expect(await promote("pay", "1.0.0")).toEqual({ verdict: "not_granted", missing: ["wasi"], granted: ["log"] });
  });

  it("refuses a deprecated version until it is none", async () => {
    await register("pay", "1.0.0");
    const version = { namespace, name: "pay", version: "1.0.0" };
    expect(await deprecateVersion(database, ACTOR, version, true)).toBe(true);
    expect(await promote("pay", "1.0.0")).toEqual({ verdict: "deprecated" });
    await deprecateVersion(database, ACTOR, version, false);
    expect(await promote("pay", "1.0.0")).toMatchObject({ verdict: "promoted" });
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
    expect(await deactivate("pay")).toEqual({ version: "1.0.0", digest: component.digest });
    expect(await activeCallables(database, namespace)).toEqual([]);
    expect(await listHandlers(database, [namespace])).toMatchObject([{ name: "other" }, { name: "pay", active: null }]);
    expect(await deactivate("pay")).toBeNull();
    expect(await deactivate("nobody")).toBeNull();
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
    expect(await replaceVersion(database, after, RULES)).toMatchObject({ promotion: { verdict: "callable_taken" } });
    expect(await readVersion(database, after)).toMatchObject({ digest: before.component.digest, active: true });
    expect(await activeCallables(database, namespace)).toEqual(["own", "taken"]);
    expect(await loadComponent(database, after.component.digest)).toBeUndefined();
    expect(await auditActions()).toEqual(audited);
  });

  it("lets wider imports through, which its developer sees", async () => {
    await register("pay", "1.0.0");
    await promote("pay", "1.0.0");
    const wider = newVersion("pay", "1.0.0", { imports: [LOG, "wasi:random/random@0.2.6"] });
    expect(await replaceVersion(database, wider, RULES)).toMatchObject({ promotion: { verdict: "promoted" } });
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
