import { expect, it } from "vitest";
import { uuidv7 } from "../../src/core/ids.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { testDatabase } from "../support/database.ts";
import { startTestHost } from "../support/host.ts";

it("beside an external orchestrator a step's result waits in its row, and a message tells the orchestrator", async () => {
  await using database = await testDatabase();
  await using host = await startTestHost({
    database,
    handlersDir: `${import.meta.dirname}/fixtures/native`,
    subscribe: (subscriber) => subscriber.subscribe("native.only", () => ({ done: true })),
    settings: { "orchestration_api.mode": "external" },
  });
  expect(host.view.orchestration).toBe("external");
  // What the orchestrator would have done: the task, and its step enqueued.
  const correlationId = uuidv7();
  const [created] = await createTasks(host.opened.database, [
    {
      namespace: "native",
      name: "single",
      version: undefined,
      context: "{}",
      initiator: "test",
      sourceSystem: "test",
      reason: "test",
      tags: [],
      priority: 0,
      correlationId,
      parentCorrelationId: undefined,
      idempotencyKey: undefined,
    },
  ]);
  const messages = (): Promise<readonly { message: string }[]> =>
    host.opened.database.query("messages", "select message from pgmq.q_orchestration_step_results");
  await expect.poll(messages).toHaveLength(1);

  const [sent] = await messages();
  const [step] = await host.opened.database.query<{ step_uuid: string; state: string; processed: boolean; ok: string }>(
    "step",
    `select s.workflow_step_uuid as step_uuid, t.to_state as state, s.processed, s.results #>> '{result,done}' as ok
       from tasker.workflow_steps s
       join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
      where s.task_uuid = $1`,
    [created?.taskUuid],
  );
  expect(step).toMatchObject({ state: "enqueued_for_orchestration", processed: false, ok: "true" });
  expect(JSON.parse(sent?.message ?? "")).toEqual({
    task_uuid: created?.taskUuid,
    step_uuid: step?.step_uuid,
    correlation_id: correlationId,
  });
});
