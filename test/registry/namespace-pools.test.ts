import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type Logger, silentLogger } from "../../src/core/logger.ts";
import { NamespacePools } from "../../src/host/bootstrap/namespace-pools.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { testRegistry } from "./support/test-registry.ts";
import { versionComponent } from "./support/version-component.ts";

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await testDatabase();
  database = test.open();
});
afterAll(() => test.close());

function setup(only: readonly string[] = []) {
  const served: string[] = [];
  const addNamespace = vi.fn<(namespace: string) => Promise<void>>((namespace) =>
    Promise.resolve(void served.push(namespace)),
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a pool only its namespace is asked
  const coordinator = {
    get pools() {
      return served.map((namespace) => ({ namespace }));
    },
    addNamespace,
  } as unknown as ConstructorParameters<typeof NamespacePools>[0]["coordinator"];
  const logger = { ...silentLogger, warn: vi.fn<Logger["warn"]>() };
  return { pools: new NamespacePools({ database, coordinator, only, logger }), served, addNamespace, logger };
}

it("serves the others where one namespace can have no queue, and names that one", async () => {
  const { pools, served, logger } = setup();
  await pools.serve(["first", "My-Shop;x", "last"]);
  expect(served).toEqual(["first", "last"]);
  expect(pools.problems).toMatchObject([{ namespace: "My-Shop;x", error: { code: "TSK_HOST_NAMESPACE_UNSERVED" } }]);
  await pools.serve(["later"]);
  expect(served).toEqual(["first", "last", "later"]);
  // Said once, and not at every try.
  expect(logger.warn).toHaveBeenCalledOnce();
});

it("tries again what failed, unasked", async () => {
  const { pools, served, addNamespace } = setup();
  addNamespace.mockRejectedValueOnce(new Error("no memory"));
  await pools.serve(["shop"]);
  expect(pools.problems).toMatchObject([{ namespace: "shop", error: { found: "no memory" } }]);
  await pools.serve([]);
  expect(served).toEqual(["shop"]);
  expect(pools.problems).toEqual([]);
});

it("serves what the host may serve, each once", async () => {
  const { pools, served } = setup(["mine"]);
  await pools.serve(["mine", "theirs", "mine"]);
  await pools.serve(["mine"]);
  expect(served).toEqual(["mine"]);
});

it("nobody registers a handler under a name that is no namespace", async () => {
  const component = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge" });
  await expect(testRegistry(database).register("My-Shop;x", component, undefined)).rejects.toMatchObject({
    code: "TSK_REGISTRY_NAMESPACE_INVALID",
  });
  expect(await database.query("test_stored", "select digest from tasker_host.components")).toEqual([]);
});
