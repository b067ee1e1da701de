/** What a host's own configuration makes of the registry that it shares. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import { activeComponents, listHandlers } from "../../src/host/database/handler-lists.ts";
import { promotionRefused } from "../../src/host/registry/refusals.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";
import { testRegistry } from "./support/test-registry.ts";
import { versionComponent } from "./support/version-component.ts";

let test: TestDatabase;
let database: Database;
let namespace: string;
let count = 0;

beforeAll(async () => {
  test = await testDatabase();
  database = test.open();
});
beforeEach(() => {
  namespace = `rules_${(count += 1)}`;
});
afterAll(() => test.close());

describe("`grants.ceilings.capabilities`", () => {
  const ceiling = { "grants.ceilings.capabilities": "wasi" };

  it("is what no namespace may be granted beyond", async () => {
    const { grants } = testRegistry(database, ceiling);
    await expect(grants.set(TEST_ACTOR, namespace, { capabilities: ["log"] })).rejects.toMatchObject({
      code: "TSK_GRANT_INVALID",
      accepted: "wasi",
    });
    expect((await grants.set(TEST_ACTOR, namespace, { capabilities: ["wasi"] })).capabilities).toEqual(["wasi"]);
  });

  it("holds for defaults, and for what another host granted", async () => {
    const { grants } = testRegistry(database, ceiling);
    expect((await grants.of(namespace)).capabilities).toEqual(["wasi"]);
    await testRegistry(database).grants.set(TEST_ACTOR, namespace, { capabilities: ["log", "wasi"] });
    expect((await grants.read(namespace)).capabilities).toEqual(["wasi"]);
  });

  it("does not become another host's grants when something else is changed here", async () => {
    const elsewhere = testRegistry(database).grants;
    await elsewhere.set(TEST_ACTOR, namespace, { capabilities: ["log", "wasi"], limits: { fuel: 1_000 } });
    const { grants } = testRegistry(database, { ...ceiling, "grants.ceilings.fuel": "500" });
    expect(await grants.set(TEST_ACTOR, namespace, { limits: { deadline_ms: 50 } })).toMatchObject({
      capabilities: ["wasi"],
      limits: { fuel: 500, deadline_ms: 50 },
    });
    expect(await elsewhere.read(namespace)).toMatchObject({
      capabilities: ["log", "wasi"],
      limits: { fuel: 1_000, deadline_ms: 50 },
    });
  });

  it("is held against what is promoted on the host", async () => {
    const component = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge", log: true });
    await expect(testRegistry(database, ceiling).register(namespace, component, undefined)).rejects.toMatchObject({
      code: "TSK_GRANT_MISSING",
      details: { missing: ["log"], granted: ["wasi"] },
    });
    const { promotion } = await testRegistry(database).register(namespace, component, undefined);
    expect(promotion).toMatchObject({ changed: true });
  });
});

describe("`registry.replace_versions`", () => {
  const CONFLICT = { code: "TSK_REGISTRY_VERSION_CONFLICT" };
  const REPLACED = { verdict: "replaced", promotion: { changed: true } };

  it.each([
    ["never", "embedded", CONFLICT],
    ["embedded", "external", CONFLICT],
    ["embedded", "embedded", REPLACED],
    ["always", "external", REPLACED],
  ] as const)(
    "%j with an %s database: what becomes of other bytes under a used version",
    async (where, kind, becomes) => {
      const registry = testRegistry(database, { "registry.replace_versions": where }, kind);
      const names = { name: "charge", version: "1.0.0", callable: "charge" };
      await registry.register(namespace, await versionComponent(names), undefined);
      const again = registry.register(namespace, await versionComponent({ ...names, salt: "other" }), undefined);
      const answer: unknown = await again.catch((error: unknown) => error);
      expect(answer).toMatchObject(becomes);
    },
  );
});

const DEAD = new Error("the host is dead");

/** A database of a host that sends so many statements and no more. */
function diesAfter(statements: number): Database {
  const dying = test.open();
  const query = dying.query.bind(dying);
  let left = statements;
  vi.spyOn(dying, "query").mockImplementation((...asked) => {
    left -= 1;
    return left < 0 ? Promise.reject(DEAD) : query(...asked);
  });
  return dying;
}

describe("a start with what is known already", () => {
  it.each([
    ["never", "external"],
    ["embedded", "embedded"],
  ] as const)(
    "undoes no roll back, no deactivation and no deletion with `registry.replace_versions` %j",
    async (replaceVersions, kind) => {
      const registry = testRegistry(database, { "registry.replace_versions": replaceVersions }, kind);
      const handler = { namespace, name: "charge" };
      /** Versions that a start left inactive, and said so. */
      const left: string[] = [];
      const start = async (): Promise<readonly (string | undefined)[]> => {
        for (const version of ["1.0.0", "1.1.0"]) {
          const component = await versionComponent({ name: "charge", version, callable: "charge" });
          const { leftInactive } = await registry.register(namespace, component, undefined);
          left.push(...(leftInactive ? [version] : []));
        }
        return (await listHandlers(database, [namespace])).map(({ active }) => active?.version);
      };
      expect(await start()).toEqual(["1.1.0"]);
      expect(left.splice(0)).toEqual([]);
      await registry.rollBack(TEST_ACTOR, handler);
      expect(await start()).toEqual(["1.0.0"]);
      expect(left.splice(0)).toEqual(["1.1.0"]);
      await registry.deactivate(TEST_ACTOR, handler);
      expect(await start()).toEqual([undefined]);
      expect(left.splice(0)).toEqual(["1.0.0", "1.1.0"]);
      await registry.promote(TEST_ACTOR, { ...handler, version: "1.0.0" });
      await registry.delete(TEST_ACTOR, { ...handler, version: "1.1.0" });
      // It is made known again, for who wants it; what was promoted meanwhile stays.
      expect(await start()).toEqual(["1.0.0"]);
      expect(left).toEqual(["1.1.0"]);
      const saved = await versionComponent({ name: "charge", version: "1.1.0", callable: "charge" });
      const swapped = await registry.register(namespace, saved, undefined, "always");
      expect(swapped).toMatchObject({ verdict: "known", promotion: { changed: true } });
    },
  );

  it("finishes what the start before began, whichever statement of that was its last", async () => {
    const start = async (on: Database, version: string): Promise<string | undefined> => {
      const component = await versionComponent({ name: "charge", version, callable: "charge" });
      await testRegistry(on).register(namespace, component, undefined);
      const [handler] = await listHandlers(database, [namespace]);
      return handler?.active?.version;
    };
    await start(database, "1.0.0");
    for (let statements = 0, died = true; died; statements += 1) {
      const dying = diesAfter(statements);
      died = await start(dying, `1.${statements}.1`).then(
        () => false,
        (error: unknown) => error === DEAD,
      );
      expect(await start(database, `1.${statements}.1`)).toBe(`1.${statements}.1`);
    }
  });

  it("asks for an approval of wider imports in production", async () => {
    const registry = testRegistry(database);
    const names = { name: "charge", callable: "charge" };
    await registry.register(namespace, await versionComponent({ ...names, version: "1.0.0" }), undefined);
    const wider = registry.register(
      namespace,
      await versionComponent({ ...names, version: "1.1.0", log: true }),
      undefined,
    );
    await expect(wider).rejects.toMatchObject({ code: "TSK_GRANT_APPROVAL_NEEDED" });
  });
});

it("a refused promotion shows the difference in a line for each package", () => {
  const wasi = ["cli/exit", "cli/stdout", "io/poll", "io/streams", "random/random"].map((name) => `wasi:${name}`);
  const { message } = promotionRefused(
    { namespace, name: "charge", version: "1.1.0" },
    { verdict: "needs_approval", active: "1.0.0", added: wasi, removed: ["tasker:handler/log"] },
  );
  expect(message.split("\n").slice(1)).toEqual([
    "  + wasi:cli/{exit, stdout}",
    "  + wasi:io/{poll, streams}",
    "  + wasi:random/random",
    "  - tasker:handler/log",
  ]);
});

describe("grants", () => {
  it.each([
    ["fuel", 0, "a whole number from 1 to "],
    ["deadline_ms", 0, "a whole number from 1 to "],
    ["max_memory_bytes", 65_535, "a whole number from 65536 to "],
    ["max_payload_bytes", 1, "a whole number from 2 to "],
    ["max_result_bytes", -1, "a whole number from 2 to "],
    ["max_log_bytes", 0.5, "a whole number from 0 to "],
  ])("of %s %d are refused, and what is accepted is said", async (limit, value, accepted) => {
    const { grants } = testRegistry(database);
    await expect(grants.set(TEST_ACTOR, namespace, { limits: { [limit]: value } })).rejects.toMatchObject({
      code: "TSK_GRANT_INVALID",
      accepted: expect.stringContaining(accepted) as unknown,
    });
  });

  it("that take a capability away name the active versions that it stops", async () => {
    const registry = testRegistry(database);
    const component = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge", log: true });
    await registry.register(namespace, component, undefined);
    const active = (await activeComponents(database)).filter((each) => each.namespace === namespace);
    expect(await registry.grants.ungranted(active)).toEqual([]);
    await registry.grants.set(TEST_ACTOR, namespace, { capabilities: ["wasi"] });
    expect(await registry.grants.ungranted(active)).toEqual([
      { namespace, name: "charge", version: "1.0.0", missing: ["log"], granted: ["wasi"] },
    ]);
  });
});

describe("`registry.max_uploads`", () => {
  it("leaves room for others beside a caller whose uploads are slow", async () => {
    const registry = testRegistry(database, { "registry.max_uploads": "4" });
    const slow = Promise.withResolvers<never>();
    const version = { namespace, name: "charge", version: "1.0.0" };
    const upload = (name: string): Promise<unknown> =>
      registry.upload(version, () => slow.promise, {
        actor: { kind: "token", name, origin: "127.0.0.1" },
        promote: false,
        signal: new AbortController().signal,
      });
    const underWay = ["greedy", "greedy", "other"].map((name) => upload(name));
    await expect(upload("greedy")).rejects.toMatchObject({
      code: "TSK_REGISTRY_BUSY",
      accepted: "at most 2 of one caller",
    });
    underWay.push(upload("other"));
    await expect(upload("third")).rejects.toMatchObject({ code: "TSK_REGISTRY_BUSY" });
    slow.reject(new Error("cut off"));
    const ended = await Promise.allSettled(underWay);
    expect(ended.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "rejected"]);
    // The places are free again.
    await expect(upload("greedy")).rejects.toThrow("cut off");
  });
});
