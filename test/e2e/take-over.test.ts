import { tmpdir } from "node:os";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliHost, runCliHost } from "../support/cli-host.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const HANDLERS = `${import.meta.dirname}/fixtures/handlers`;

let database: TestDatabase;
const hosts: CliHost[] = [];

beforeAll(async () => {
  database = await testDatabase();
});

afterAll(async () => {
  for (const host of hosts) host.process.kill("SIGKILL");
  await database?.close();
});

/** A host with a lease of 5 s (the test environment's), whose steps run for some seconds. */
async function startHost(): Promise<CliHost> {
  const host = await runCliHost({
    cwd: tmpdir(),
    args: ["--handlers", HANDLERS, "--set", "sandbox.limits.fuel=60000000000"],
    env: { TASKER_ENV: "test", DATABASE_URL: database.url },
  });
  hosts.push(host);
  return host;
}

it("a step whose host is killed runs again on another, once, and the chain of its transitions stays whole", async () => {
  const first = await startHost();
  const response = await fetch(`${first.started.url}/v1/tasks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      namespace: "trouble",
      name: "slow",
      context: {},
      initiator: "test",
      source_system: "test",
      reason: "test",
    }),
  });
  const { task_uuid: taskUuid } = (await response.json()) as { task_uuid: string };
  const client = database.open();
  const state = async (): Promise<string | undefined> => {
    const [row] = await client.query<{ state: string }>(
      "state",
      `select t.to_state as state from tasker.workflow_step_transitions t
         join tasker.workflow_steps s using (workflow_step_uuid) where s.task_uuid = $1 and t.most_recent`,
      [taskUuid],
    );
    return row?.state;
  };
  await expect.poll(state).toBe("in_progress");
  await first.signal("SIGKILL");

  const second = await startHost();
  expect(await database.taskState(taskUuid, ["blocked_by_failures", "complete", "error"], 100_000)).toBe(
    "blocked_by_failures",
  );
  const transitions = await client.query<{ from_state: string | null; to_state: string }>(
    "transitions",
    `select t.from_state, t.to_state from tasker.workflow_step_transitions t
       join tasker.workflow_steps s using (workflow_step_uuid) where s.task_uuid = $1 order by t.sort_key`,
    [taskUuid],
  );
  expect(transitions.map(({ to_state: to }) => to)).toEqual([
    "pending",
    "enqueued",
    "in_progress",
    "enqueued_as_error_for_orchestration",
    "error",
  ]);
  expect(transitions.slice(1).map(({ from_state: from }) => from)).toEqual(
    transitions.slice(0, -1).map(({ to_state: to }) => to),
  );
  const [step] = await client.query<{ attempts: number; in_process: boolean; results: string }>(
    "step",
    "select attempts, in_process, results from tasker.workflow_steps where task_uuid = $1",
    [taskUuid],
  );
  expect(step).toMatchObject({ attempts: 2, in_process: false });
  expect(JSON.parse(step?.results ?? "")).toMatchObject({
    metadata: { error_code: "TSK_HANDLER_OUT_OF_FUEL", custom: { attempt: 2 } },
  });
  const leases = await client.query<{ epoch: number; attempt: number; ended_as: string | null }>(
    "leases",
    "select epoch, attempt, ended_as from tasker_host.step_leases order by epoch",
  );
  expect(leases).toEqual([
    { epoch: 1, attempt: 1, ended_as: "taken_over" },
    { epoch: 2, attempt: 2, ended_as: "recorded" },
  ]);
  expect(await second.signal("SIGTERM")).toBe(0);
}, 120_000);
