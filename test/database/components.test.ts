import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  activateHandler,
  activeCallables,
  loadArtifact,
  loadComponent,
  type NewComponent,
  storeComponent,
} from "../../src/host/database/components.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

let test: TestDatabase;
let database: Database;
beforeAll(async () => {
  test = await testDatabase();
  database = test.open({ maxConnections: 6 });
});
afterAll(() => test.close());

function newComponent(overrides: Partial<NewComponent> = {}): NewComponent {
  const bytes = new Uint8Array(randomBytes(300_000));
  return {
    digest: createHash("sha256").update(bytes).digest("hex"),
    bytes,
    sourceMap: '{"version":3}',
    imports: ["tasker:handler/log@1.0.0"],
    exports: ["tasker:handler/step-handler@1.0.0"],
    preparerVersion: "1",
    fuelScheduleId: "f1",
    artifact: new Uint8Array(randomBytes(100_000)),
    describeFuel: 12_345_678_901,
    ...overrides,
  };
}

async function stored(): Promise<NewComponent> {
  const component = newComponent();
  await storeComponent(database, component);
  return component;
}

describe("storeComponent()", () => {
  it("keeps every byte of component, source map and prepared form", async () => {
    const component = await stored();
    expect(await loadComponent(database, component.digest)).toEqual({
      bytes: component.bytes,
      sourceMap: component.sourceMap,
    });
    expect(await loadArtifact(database, component)).toEqual(component.artifact);
  });

  it("keeps what is there, also of many that store the same at once", async () => {
    const component = newComponent({ sourceMap: undefined });
    const others = Array.from({ length: 8 }, () => ({ ...component, artifact: new Uint8Array(randomBytes(10)) }));
    await Promise.all(others.map((each) => storeComponent(database, each)));
    const artifact = await loadArtifact(database, component);
    expect(others.map((each) => each.artifact)).toContainEqual(artifact);
    await storeComponent(database, component);
    expect(await loadArtifact(database, component)).toEqual(artifact);
    expect((await loadComponent(database, component.digest))?.sourceMap).toBeUndefined();
  });

  it("keeps one prepared form for each preparer and fuel schedule", async () => {
    const component = await stored();
    const next = { ...component, preparerVersion: "2", artifact: new Uint8Array([1]) };
    expect(await loadArtifact(database, next)).toBeUndefined();
    await storeComponent(database, next);
    expect(await loadArtifact(database, next)).toEqual(new Uint8Array([1]));
    expect(await loadArtifact(database, component)).toEqual(component.artifact);
  });

  it("refuses what is no SHA-256", async () => {
    await expect(storeComponent(database, newComponent({ digest: "ABC" }))).rejects.toMatchObject({ code: "23514" });
    expect(await loadComponent(database, "0".repeat(64))).toBeUndefined();
  });
});

describe("activateHandler()", () => {
  const activate = (namespace: string, name: string, digest: string, callables: readonly string[], version = "1.0.0") =>
    activateHandler(database, { namespace, name, version, digest, callables });

  it("serves the callables of the version that was activated last", async () => {
    const [first, second] = [await stored(), await stored()];
    expect(await activate("one", "pay", first.digest, ["pay.a", "pay.b"])).toEqual([]);
    expect(await activeCallables(database, "one")).toEqual(["pay.a", "pay.b"]);
    expect(await activate("one", "pay", second.digest, ["pay.b", "pay.c"], "1.1.0")).toEqual([]);
    expect(await activeCallables(database, "one")).toEqual(["pay.b", "pay.c"]);
    const active = await database.query(
      "test_active",
      "select version from tasker_host.handler_versions where namespace = 'one' and active",
    );
    expect(active).toEqual([{ version: "1.1.0" }]);
    expect(await activate("one", "pay", first.digest, ["pay.a", "pay.b"])).toEqual([]);
    expect(await activeCallables(database, "one")).toEqual(["pay.a", "pay.b"]);
  });

  it("refuses a callable that another active component of the namespace serves, says who, and changes nothing", async () => {
    const [mine, theirs] = [await stored(), await stored()];
    await activate("two", "theirs", theirs.digest, ["shared", "other"], "2.0.0");
    await activate("two", "mine", mine.digest, ["own"]);
    expect(await activate("two", "mine", mine.digest, ["shared", "new", "other"], "1.1.0")).toEqual([
      { callable: "other", heldBy: "theirs@2.0.0" },
      { callable: "shared", heldBy: "theirs@2.0.0" },
    ]);
    expect(await activeCallables(database, "two")).toEqual(["other", "own", "shared"]);
    expect(await activate("three", "mine", mine.digest, ["shared"])).toEqual([]);
  });

  it("lets one of many win that want the same callable at once", async () => {
    const components = await Promise.all(Array.from({ length: 8 }, stored));
    const answers = await Promise.all(
      components.map((each, index) => activate("four", `handler-${index}`, each.digest, ["wanted"])),
    );
    expect(answers.filter((conflicts) => conflicts.length === 0)).toHaveLength(1);
    expect(new Set(answers.flat().map(({ heldBy }) => heldBy)).size).toBe(1);
  });

  it("refuses a component that is not stored", async () => {
    await expect(activate("five", "nothing", "f".repeat(64), ["x"])).rejects.toMatchObject({ code: "23503" });
  });
});
