import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  artifactSha256,
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
    imports: ["tasker:handler/log@1.0.0"],
    exports: ["tasker:handler/step-handler@1.0.0"],
    capabilities: ["log"],
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
  it("keeps every byte of component and prepared form", async () => {
    const component = await stored();
    expect(await loadComponent(database, component.digest)).toEqual(component.bytes);
    expect(await loadArtifact(database, component)).toEqual(component.artifact);
  });

  it("keeps what is there, also of many that store the same at once", async () => {
    const component = newComponent();
    const others = Array.from({ length: 8 }, () => ({ ...component, artifact: new Uint8Array(randomBytes(10)) }));
    await Promise.all(others.map((each) => storeComponent(database, each)));
    const artifact = await loadArtifact(database, component);
    expect(others.map((each) => each.artifact)).toContainEqual(artifact);
    await storeComponent(database, component);
    expect(await loadArtifact(database, component)).toEqual(artifact);
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

  it("refuses bytes under the digest of others, and leaves those to be stored", async () => {
    const theirs = newComponent();
    const planted = newComponent({ digest: theirs.digest, imports: [], capabilities: [] });
    await expect(storeComponent(database, planted)).rejects.toMatchObject({ code: "23514" });
    expect(await loadComponent(database, theirs.digest)).toBeUndefined();
    await storeComponent(database, theirs);
    expect(await loadComponent(database, theirs.digest)).toEqual(theirs.bytes);
  });

  it("says the SHA-256 of the prepared form, and stores a damaged one anew", async () => {
    const component = await stored();
    const sha256 = createHash("sha256").update(component.artifact).digest("hex");
    expect(await artifactSha256(database, component)).toBe(sha256);
    await database.query("test_damage", "update tasker_host.artifacts set bytes = '\\xbad0' where digest = $1", [
      component.digest,
    ]);
    await storeComponent(database, component);
    expect(await loadArtifact(database, component)).toEqual(component.artifact);
  });
});
