import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { registerTemplate } from "../../src/host/database/templates.ts";
import { type ServedApp, serveApp } from "../http/support/served-app.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { runCommand } from "./support/run-command.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";

/** The commands and the API that is meant for them: what one writes, the other must read. */
let postgres: TestDatabase;
let served: ServedApp;

beforeAll(async () => {
  postgres = await testDatabase();
  const database = postgres.open();
  served = await serveApp({ database });
  const steps = [
    { name: "first", handler: { callable: "first" } },
    { name: "second", handler: { callable: "second" }, dependencies: ["first"] },
  ];
  const template = { namespace: "flows", name: "chain", version: "1.0.0" };
  const configurationJson = JSON.stringify({ ...template, namespace_name: template.namespace, steps });
  await registerTemplate(database, TEST_ACTOR, { ...template, description: undefined, configurationJson });
});

afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await postgres.close();
});

it("submit and task show understand the host's own API", async () => {
  const url = ["--url", served.url];
  const context = '{"n": 12345678901234567890}';
  const submitted = await runCommand(["submit", "flows/chain", "--context", context, ...url], { clock: systemClock });
  expect(submitted).toMatchObject({ exitCode: 0, stderr: "" });
  const [taskUuid = ""] = submitted.stdout.split(" ");
  const shown = await runCommand(["task", "show", taskUuid, ...url], { clock: systemClock });
  expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
  expect(shown.stdout).toContain('context      {"n":12345678901234567890}');
  expect(shown.stdout).toMatch(/◌ {2}first {3}queued\n {3}○ {2}second {2}waiting\n/);
});

it("submit shows the API's refusals with their remedies", async () => {
  const args = ["--url", served.url, "--context", '{"run":"twice"}'];
  const first = await runCommand(["submit", "flows/chain", ...args], { clock: systemClock });
  const second = await runCommand(["submit", "flows/chain", ...args], { clock: systemClock });
  expect(second.exitCode).toBe(2);
  expect(second.stderr).toContain(`task "${first.stdout.slice(0, 36)}" has the same context`);
  const unknown = await runCommand(["submit", "flows/chian", ...args], { clock: systemClock });
  expect(unknown.stderr).toContain('did you mean "flows/chain"');
});

it("a host that shuts down is asked again, and then reported", async () => {
  served.host.currentState = "graceful_shutdown";
  const run = await runCommand(["submit", "flows/chain", "--url", served.url]);
  served.host.currentState = "normal";
  expect(run.exitCode).toBe(3);
  expect(run.stderr).toContain(
    'TSK_REQUEST_HOST_NOT_SERVING: Cannot answer POST /v1/tasks: the host is in state "graceful',
  );
});
