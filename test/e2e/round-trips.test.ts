import { expect, it } from "vitest";
import { uuidv7 } from "../../src/core/ids.ts";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { ended, startTestHost } from "../support/host.ts";

const STEPS = 100;

function start(database: TestDatabase, onRoundTrip: (name: string) => void = () => undefined): Promise<Host> {
  return startTestHost({
    database,
    handlersDir: `${import.meta.dirname}/fixtures/native`,
    onRoundTrip,
    subscribe: (subscriber) => subscriber.subscribe("native.only", ({ task }) => ({ ran: task.taskUuid })),
    settings: {
      "executor_pools.step_executor_pool.initial_pool_size": STEPS,
      "executor_pools.step_executor_pool.max_pool_size": STEPS,
      // A first result waits for the rest of its batch, however slow the machine is.
      "executor_pools.result_processor_pool.flush_interval_ms": 1_000,
    },
  });
}

/** Waiting single-step tasks, made while no host runs. */
async function queueTasks(host: Host): Promise<readonly string[]> {
  const tasks = await createTasks(
    host.opened.database,
    Array.from({ length: STEPS }, (_, index) => ({
      namespace: "native",
      name: "single",
      version: undefined,
      context: JSON.stringify({ index }),
      initiator: "test",
      sourceSystem: "test",
      reason: "test",
      tags: [],
      priority: 0,
      correlationId: uuidv7(),
      parentCorrelationId: undefined,
      idempotencyKey: undefined,
    })),
  );
  return tasks.flatMap(({ taskUuid }) => (taskUuid === undefined ? [] : [taskUuid]));
}

it("100 steps take one round trip to claim and hydrate, and one to report and orchestrate", async () => {
  await using database = await testDatabase();
  const registering = await start(database);
  await registering.stop();

  const calls: string[] = [];
  await using queueing = await startTestHost({ database, settings: { "step_processing.namespaces": "elsewhere" } });
  const taskUuids = await queueTasks(queueing);
  expect(taskUuids).toHaveLength(STEPS);

  await using host = await start(database, (name) => calls.push(name));
  for (const taskUuid of taskUuids) expect((await ended(host, database, taskUuid)).status).toBe("complete");

  expect(calls.filter((name) => name.startsWith("report_steps"))).toEqual(["report_steps_embedded"]);
  expect(calls.slice(0, calls.indexOf("report_steps_embedded")).filter((name) => name === "claim_steps")).toHaveLength(
    1,
  );
});
