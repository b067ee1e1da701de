/** What a host's own configuration makes of the registry that it shares. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
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
    await expect(grants.set(TEST_ACTOR, namespace, { capabilities: ["log"], limits: {} })).rejects.toMatchObject({
      code: "TSK_GRANT_INVALID",
      accepted: "wasi",
    });
    expect((await grants.set(TEST_ACTOR, namespace, { capabilities: ["wasi"], limits: {} })).capabilities).toEqual([
      "wasi",
    ]);
  });

  it("holds for defaults, and for what another host granted", async () => {
    const { grants } = testRegistry(database, ceiling);
    expect((await grants.of(namespace)).capabilities).toEqual(["wasi"]);
    await testRegistry(database).grants.set(TEST_ACTOR, namespace, { capabilities: ["log", "wasi"], limits: {} });
    expect((await grants.read(namespace)).capabilities).toEqual(["wasi"]);
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
