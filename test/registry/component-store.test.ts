import { readdir, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type Logger, silentLogger } from "../../src/core/logger.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { ArtifactCache } from "../../src/host/registry/artifact-cache.ts";
import { ComponentStore } from "../../src/host/registry/component-store.ts";
import { BoundedMap } from "../../src/host/registry/bounded-map.ts";
import { RegistryWatch } from "../../src/host/registry/registry-watch.ts";
import { FUEL_SCHEDULE_ID, PREPARER_VERSION } from "../../src/runtime/index.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";
import { testRegistryParts } from "./support/test-registry.ts";
import { versionComponent } from "./support/version-component.ts";
import { HOSTILE_MAPS } from "../runtime/hostile/hostile-maps.ts";

let test: TestDatabase;
let database: Database;
let component: Uint8Array<ArrayBuffer>;
let digest: string;

beforeAll(async () => {
  test = await testDatabase();
  database = test.open();
  component = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge" });
});
afterAll(() => test.close());

beforeEach(async () => {
  const { registry } = testRegistryParts(database);
  digest = (await registry.register("shop", component, undefined)).artifact.digest;
});

const only = async (folder: string): Promise<string> => join(folder, (await readdir(folder))[0] ?? "");

describe("ComponentStore", () => {
  it("keeps what it loads on the disk, for its owner alone, under the SHA-256 of what is in it", async () => {
    const { store, cacheDir } = testRegistryParts(database);
    await store.artifact(digest);
    expect((await stat(cacheDir)).mode & 0o777).toBe(0o700);
    expect((await stat(await only(cacheDir))).mode & 0o777).toBe(0o600);
    const again = testRegistryParts(database, { "registry.cache_dir": cacheDir });
    expect((await again.store.artifact(digest)).digest).toBe(digest);
  });

  it("reads from the database what was changed on the disk", async () => {
    const { store, cacheDir } = testRegistryParts(database);
    await store.artifact(digest);
    await truncate(await only(cacheDir), 100);
    const again = testRegistryParts(database, { "registry.cache_dir": cacheDir });
    expect((await again.store.artifact(digest)).digest).toBe(digest);
    expect((await stat(await only(cacheDir))).size).toBeGreaterThan(100);
  });

  it("refuses bytes that are not what was stored, until they are uploaded again", async () => {
    const damage = "update tasker_host.artifacts set bytes = set_byte(bytes, 50, 0) where digest = $1";
    await database.query("test_damage", damage, [digest]);
    const { store, registry } = testRegistryParts(database);
    await expect(store.artifact(digest)).rejects.toMatchObject({ code: "TSK_COMPONENT_ARTIFACT_CORRUPT" });
    expect(store.refused).toMatchObject([{ digest }]);
    await registry.register("shop", component, undefined);
    expect((await store.artifact(digest)).digest).toBe(digest);
    expect(store.refused).toEqual([]);
  });

  it("refuses the prepared form of another component, even where every digest of its own is right", async () => {
    const { registry } = testRegistryParts(database);
    const other = await versionComponent({ name: "other", version: "1.0.0", callable: "other" });
    const theirs = (await registry.register("shop", other, undefined)).artifact.digest;
    await database.query(
      "test_swap",
      `update tasker_host.artifacts a set bytes = b.bytes, sha256 = b.sha256
         from tasker_host.artifacts b where a.digest = $1 and b.digest = $2`,
      [digest, theirs],
    );
    const parts = testRegistryParts(database);
    await expect(parts.store.artifact(digest)).rejects.toMatchObject({ code: "TSK_COMPONENT_ARTIFACT_CORRUPT" });
    await parts.registry.register("shop", component, undefined);
    expect((await parts.store.artifact(digest)).digest).toBe(digest);
  });

  it("says whose a refused component is, and forgets it when somebody heals it elsewhere", async () => {
    const damage = "update tasker_host.artifacts set bytes = set_byte(bytes, 50, 0) where digest = $1";
    await database.query("test_damage", damage, [digest]);
    const { store } = testRegistryParts(database);
    await expect(store.artifact(digest)).rejects.toMatchObject({ code: "TSK_COMPONENT_ARTIFACT_CORRUPT" });
    const versions = [{ namespace: "shop", name: "charge", version: "1.0.0" }];
    expect(store.refused).toMatchObject([{ digest, versions }]);
    await store.lookAgain();
    expect(store.refused).toHaveLength(1);
    await testRegistryParts(database).registry.register("shop", component, undefined);
    await store.lookAgain();
    expect(store.refused).toEqual([]);
  });

  it("gives a namespace its own source map, also one that comes later", async () => {
    const { store, registry } = testRegistryParts(database);
    const map = '{"version":3,"sources":[],"mappings":""}';
    expect((await store.load("shop", digest)).sourceMap).toBeUndefined();
    await testRegistryParts(database).registry.register("mapped", component, map);
    await store.lookAgain();
    expect((await store.load("mapped", digest)).sourceMap).toBe(map);
    expect((await store.load("shop", digest)).sourceMap).toBeUndefined();
    await testRegistryParts(database).registry.register("shop", component, map);
    expect((await store.load("shop", digest)).sourceMap).toBeUndefined();
    await store.lookAgain();
    expect((await store.load("shop", digest)).sourceMap).toBe(map);
    for (const wrong of ["{}", HOSTILE_MAPS.wrongSources, HOSTILE_MAPS.keys]) {
      await expect(registry.register("shop", component, wrong)).rejects.toMatchObject({
        code: "TSK_REGISTRY_SOURCE_MAP_INVALID",
      });
    }
  });

  it.each([
    ["preparer", { preparerVersion: "older", fuelScheduleId: FUEL_SCHEDULE_ID }],
    ["fuel schedule", { preparerVersion: PREPARER_VERSION, fuelScheduleId: "f0" }],
  ])("runs its own form beside a host of another %s, each from one upload", async (_, form) => {
    const { store, registry, cacheDir } = testRegistryParts(database);
    const ours = await store.artifact(digest);
    let prepared = 0;
    const older = (): ComponentStore =>
      new ComponentStore({
        database,
        cache: new ArtifactCache({ folder: cacheDir, maxBytes: 1e9, clock: systemClock, logger: silentLogger }),
        preparer: {
          ...form,
          prepare: () => {
            prepared += 1;
            return Promise.resolve({ ...ours, ...form });
          },
        },
        maxLoaded: 5,
        maxPreparing: 1,
        logger: silentLogger,
      });
    expect(await older().unprepared()).toContain(digest);
    expect(await older().artifact(digest)).toMatchObject({ digest, ...form });
    expect(await older().artifact(digest)).toMatchObject(form);
    expect(prepared).toBe(1);
    expect(await older().unprepared()).not.toContain(digest);
    // The upload of the same bytes to either host disturbs neither form.
    await registry.register("shop", component, undefined);
    const fresh = testRegistryParts(database, { "registry.cache_dir": cacheDir });
    expect(await fresh.store.artifact(digest)).toMatchObject({
      preparerVersion: PREPARER_VERSION,
      fuelScheduleId: FUEL_SCHEDULE_ID,
    });
    await database.query(
      "test_forget",
      "delete from tasker_host.artifacts where (preparer_version, fuel_schedule_id) = ($1, $2)",
      [form.preparerVersion, form.fuelScheduleId],
    );
  });
});

describe("RegistryWatch", () => {
  it("prepares what an older host stored, and leaves its form to it", async () => {
    const rename = "update tasker_host.artifacts set preparer_version = 'older' where digest = $1";
    await database.query("test_older", rename, [digest]);
    const { store, grants } = testRegistryParts(database);
    const forms = async (): Promise<number> => {
      const count = "select count(*) as forms from tasker_host.artifacts where digest = $1";
      const [row] = await database.query<{ forms: number }>("test_forms", count, [digest]);
      return row?.forms ?? 0;
    };
    expect(await forms()).toBe(1);
    await using watch = new RegistryWatch({
      database,
      store,
      grants,
      onNamespaces: () => Promise.resolve(),
      pollIntervalMs: 60_000,
      clock: systemClock,
      logger: silentLogger,
    });
    await watch.start();
    await expect.poll(forms).toBe(2);
    expect((await store.artifact(digest)).manifest.name).toBe("charge");
  });

  it("fetches what is active although its namespaces cannot be served, says so, and tries again", async () => {
    const { store, grants } = testRegistryParts(database);
    const fetched = vi.spyOn(store, "load");
    const logger = { ...silentLogger, warn: vi.fn<Logger["warn"]>() };
    let asked = 0;
    await using watch = new RegistryWatch({
      database,
      store,
      grants,
      onNamespaces: () => {
        asked += 1;
        return Promise.reject(new Error("no such queue"));
      },
      pollIntervalMs: 20,
      clock: systemClock,
      logger,
    });
    await watch.start();
    await expect.poll(() => fetched.mock.calls).toContainEqual(["shop", digest]);
    await expect.poll(() => asked).toBeGreaterThan(1);
    expect(logger.warn).toHaveBeenCalledWith(
      expect.objectContaining({ err: expect.any(Error) }),
      "namespaces of handlers cannot be served",
    );
  });

  it("names a namespace whose only version was deactivated before the first look, and none where nothing ever ran", async () => {
    const { registry, store, grants } = testRegistryParts(database);
    await registry.register("between", component, undefined);
    await registry.deactivate(TEST_ACTOR, { namespace: "between", name: "charge" });
    const body = await versionComponent({ name: "draft", version: "1.0.0", callable: "draft" });
    const version = { namespace: "drafts", name: "draft", version: "1.0.0" };
    const sent = { component: body, sourceMap: undefined };
    const signal = new AbortController().signal;
    await registry.upload(version, () => Promise.resolve(sent), { actor: TEST_ACTOR, promote: false, signal });
    const looked = Promise.withResolvers<readonly string[]>();
    await using watch = new RegistryWatch({
      database,
      store,
      grants,
      onNamespaces: (namespaces) => Promise.resolve(looked.resolve(namespaces)),
      pollIntervalMs: 60_000,
      clock: systemClock,
      logger: silentLogger,
    });
    await watch.start();
    const namespaces = await looked.promise;
    expect(namespaces).toEqual(expect.arrayContaining(["between", "shop"]));
    expect(namespaces).not.toContain("drafts");
  });
});

describe("ArtifactCache", () => {
  it("lets go of what was read longest ago when it is full", async () => {
    const { cacheDir: folder } = testRegistryParts(database);
    const cache = new ArtifactCache({ folder, maxBytes: 250, clock: systemClock, logger: silentLogger });
    const names = ["a", "b", "c"].map((letter) => letter.repeat(64));
    for (const [index, name] of names.entries()) {
      await cache.write(name, new Uint8Array(100));
      await utimes(join(folder, name), index, index).catch(() => undefined);
    }
    expect((await readdir(folder)).sort()).toEqual(names.slice(1));
    await cache.write("d".repeat(64), new Uint8Array(251));
    expect(await readdir(folder)).toHaveLength(2);
  });

  it("removes what a host left half-written, and nothing that another one may be writing", async () => {
    const { cacheDir: folder } = testRegistryParts(database);
    const cache = new ArtifactCache({ folder, maxBytes: 1_000, clock: systemClock, logger: silentLogger });
    await cache.write("a".repeat(64), new Uint8Array(10));
    const [old, young] = [`${crypto.randomUUID()}.tmp`, `${crypto.randomUUID()}.tmp`];
    for (const name of [old, young, "not-ours.tmp"]) await writeFile(join(folder, name), "half");
    for (const name of [old, "not-ours.tmp"]) await utimes(join(folder, name), 1, 1);
    await cache.write("b".repeat(64), new Uint8Array(10));
    expect((await readdir(folder)).sort()).toEqual(["a".repeat(64), "b".repeat(64), young, "not-ours.tmp"].sort());
  });

  it("costs nothing but time where the disk cannot be written", async () => {
    const { cacheDir } = testRegistryParts(database);
    await writeFile(cacheDir, "a file where a folder should be");
    const cache = new ArtifactCache({ folder: cacheDir, maxBytes: 1_000, clock: systemClock, logger: silentLogger });
    await cache.write("a".repeat(64), new Uint8Array(10));
    expect(await cache.read("a".repeat(64))).toBeUndefined();
  });
});

it("BoundedMap keeps what was asked for last", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([1, undefined, 3]);
});
