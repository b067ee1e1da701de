import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import { versionComponent } from "../registry/support/version-component.ts";
import type { TestDatabase } from "../support/database.ts";
import { run, startTestHost, testDatabase } from "../support/host.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";

let folder: string;
let database: TestDatabase;
let host: Host;

/** An empty core module: WebAssembly, but no component. */
const CORE_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tasker-host-broken-"));
  await cp(`${import.meta.dirname}/fixtures/broken`, folder, { recursive: true });
  await writeFile(join(folder, "shop/core-module.wasm"), CORE_MODULE);
  await writeFile(join(folder, "shop/text.wasm"), "(component)");
  await writeFile(join(folder, "shop/empty.wasm"), "");
  await mkdir(join(folder, "My-Shop;x"));
  const good = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge" });
  await writeFile(join(folder, "My-Shop;x/charge.wasm"), good);
  // A folder without anything to load is nobody's business.
  await mkdir(join(folder, "Notes"));
  database = await testDatabase();
  host = await startTestHost({
    database,
    handlersDir: folder,
    subscribe: (subscriber) => subscriber.subscribe("shop.a", () => ({ ok: true })),
  });
});

afterAll(async () => {
  await host?.stop();
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

it("templates of a handler that somebody deactivated are no mistake at the next start", async () => {
  const own = await mkdtemp(join(tmpdir(), "tasker-host-deactivated-"));
  await mkdir(join(own, "shop/templates"), { recursive: true });
  const component = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge" });
  await writeFile(join(own, "shop/charge.wasm"), component);
  const template = {
    name: "pay",
    namespace_name: "shop",
    version: "1.0.0",
    steps: [{ name: "a", handler: { callable: "charge" } }],
  };
  await writeFile(join(own, "shop/templates/pay.yaml"), JSON.stringify(template));
  await using test = await testDatabase();
  const settings = { "sandbox.isolation": "inline" };
  {
    await using first = await startTestHost({ database: test, handlersDir: own, settings });
    expect(first.handlers.templates).toHaveLength(1);
    await first.registry.deactivate(TEST_ACTOR, { namespace: "shop", name: "charge" });
  }
  await using second = await startTestHost({ database: test, handlersDir: own, settings });
  expect(second.handlers.problems).toEqual([]);
  expect(second.handlers.templates).toHaveLength(1);
  const served = (): unknown => second.view.components();
  expect(served()).toEqual([]);
  await second.registry.rollBack(TEST_ACTOR, { namespace: "shop", name: "charge" });
  await expect.poll(served).toMatchObject([{ name: "charge", version: "1.0.0" }]);
  await rm(own, { recursive: true, force: true });
});

describe("a handlers folder full of mistakes", () => {
  it.each([
    ["cycle.yaml", "TSK_TEMPLATE_CYCLE", "a → b → a"],
    ["syntax.yaml", "TSK_TEMPLATE_SYNTAX", "line 3"],
    ["unknown-dependency.yaml", "TSK_TEMPLATE_UNKNOWN_DEPENDENCY", "reserve"],
    ["unknown-handler.yaml", "TSK_TEMPLATE_UNKNOWN_HANDLER", "line 6"],
    ["duplicate-step.yaml", "TSK_TEMPLATE_DUPLICATE_STEP", "line 7"],
    ["wrong-namespace.yaml", "TSK_TEMPLATE_WRONG_NAMESPACE", "elsewhere"],
    ["core-module.wasm", "TSK_COMPONENT_NOT_A_COMPONENT", "component"],
    ["text.wasm", "TSK_COMPONENT_NOT_A_COMPONENT", "component"],
    ["empty.wasm", "TSK_COMPONENT_NOT_A_COMPONENT", "component"],
    ["never-built", "TSK_HOST_HANDLER_UNBUILT", "tasker-host build"],
    ["My-Shop;x", "TSK_REGISTRY_NAMESPACE_INVALID", "a lower-case letter"],
  ])("names %s with %s and %j", (file, code, words) => {
    const problem = host.handlers.problems.find(({ path }) => basename(path) === file);
    expect(problem?.error.code).toBe(code);
    expect(problem?.error.message).toContain(words);
  });

  it("keeps none of the good ones from running", async () => {
    expect(host.handlers.problems).toHaveLength(11);
    expect((await run(host, database, "shop/good", "{}")).status).toBe("complete");
  });

  it("shows its problems in /status", async () => {
    const status = await (await fetch(`${host.url}/status`)).text();
    expect(status).toContain("TSK_TEMPLATE_CYCLE");
    expect(status).toContain("never-built");
  });
});
