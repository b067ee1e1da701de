import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import { adoptSteps, wakeDueSteps } from "../../src/host/database/due-steps.ts";
import { reportStepsExternal } from "../../src/host/database/report-steps.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import { clear } from "./support/clear.ts";
import {
  brokenInvariants,
  claimOne,
  createOne,
  DIAMOND,
  drain,
  failure,
  handClock,
  register,
  RULES,
  session,
  stepStates,
  success,
  taskState,
} from "./support/workflow.ts";

/** Hosts begin to orchestrate a database that Tasker's orchestrator has left. */
describe.each(testServerNames())("adoptSteps() on %s", (server) => {
  let test: TestDatabase;
  let database: Database;
  let advance: (byMs: number) => Promise<void>;
  let host: string;

  beforeAll(async () => {
    test = await testDatabase({ server });
    database = test.open({ maxConnections: 1 });
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    await clear(database);
    advance = await handClock(database);
    await database.query("test_queue", "select pgmq.create('orchestration_step_results')");
    await register(database, "diamond", DIAMOND);
    host = await session(database);
  });
  afterEach(async () => {
    expect(await brokenInvariants(database)).toEqual([]);
  });

  /** The first step of a new task has been reported to an orchestrator that never saw it. */
  const reported = async (succeeds: boolean): Promise<string> => {
    const taskUuid = await createOne(database, "diamond");
    const step = await claimOne(database, host);
    await reportStepsExternal(database, host, [succeeds ? success(step) : failure(step)]);
    return taskUuid;
  };

  it("has nothing to do where hosts orchestrated all along", async () => {
    await createOne(database, "diamond");
    await claimOne(database, host);
    expect(await adoptSteps(database, 10, RULES)).toBe(0);
  });

  it("goes on with a task whose result nobody has seen to, once", async () => {
    const taskUuid = await reported(true);
    expect(await adoptSteps(database, 10, RULES)).toBe(1);
    expect(await adoptSteps(database, 10, RULES)).toBe(0);
    expect(await stepStates(database, taskUuid)).toEqual({ a: "complete", b: "enqueued", c: "enqueued", d: "pending" });
    expect(await drain(database, host)).toBe(3);
    expect(await taskState(database, taskUuid)).toBe("complete");
  });

  it("retries a failure that nobody has seen to, after its wait", async () => {
    const taskUuid = await reported(false);
    expect(await adoptSteps(database, 10, RULES)).toBe(1);
    expect(await stepStates(database, taskUuid)).toMatchObject({ a: "waiting_for_retry" });
    expect((await wakeDueSteps(database, 10)).woken).toBe(0);
    await advance(1_001);
    expect((await wakeDueSteps(database, 10)).woken).toBe(1);
    expect(await drain(database, host)).toBe(4);
    expect(await taskState(database, taskUuid)).toBe("complete");
  });

  it.each([
    ["after the wait that the orchestrator wrote down", 7, 7_000],
    ["at once where it wrote none", null, 0],
  ])("wakes a step that waits for an orchestrator, %s", async (_name, backoffSeconds, waitMs) => {
    const taskUuid = await reported(false);
    // What Tasker's orchestrator does with a failure.
    await database.query(
      "test_wait",
      `select tasker_host.move_steps(array_agg(workflow_step_uuid),
                array['enqueued_as_error_for_orchestration', 'waiting_for_retry'], array['{"type":"WaitForRetry"}'])
         from tasker.workflow_steps where task_uuid = $1`,
      [taskUuid],
    );
    await database.query(
      "test_backoff",
      "update tasker.workflow_steps set backoff_request_seconds = $2 where task_uuid = $1",
      [taskUuid, backoffSeconds],
    );
    await database.query(
      "test_task_waits",
      `select tasker_host.move_tasks(array[$1::uuid], array['steps_in_process', 'evaluating_results', 'waiting_for_dependencies'],
                array['StepCompleted', 'NoDependenciesReady'], null)`,
      [taskUuid],
    );
    expect(await adoptSteps(database, 10, RULES)).toBe(1);
    const [retry] = await database.query<{ waits: number }>(
      "test_waits",
      "select (extract(epoch from due_at - tasker_host.current_time()) * 1000)::int as waits from tasker_host.step_retries",
    );
    expect(retry?.waits).toBe(waitMs);
    await advance(waitMs);
    expect((await wakeDueSteps(database, 10)).woken).toBe(1);
    expect(await drain(database, host)).toBe(4);
    expect(await taskState(database, taskUuid)).toBe("complete");
  });

  it("fails a result that asks for steps that cannot be", async () => {
    await register(database, "deciding", { a: { type: "decision" }, b: { after: ["a"] } });
    const taskUuid = await createOne(database, "deciding");
    const step = await claimOne(database, host);
    const wrong = '{"decision_point_outcome":{"type":"create_steps","step_names":["nowhere"]}}';
    await reportStepsExternal(database, host, [success(step, wrong)]);
    expect(await adoptSteps(database, 10, RULES)).toBe(1);
    expect(await stepStates(database, taskUuid)).toMatchObject({ a: "error" });
    expect(await taskState(database, taskUuid)).toBe("blocked_by_failures");
  });

  it("leaves tasks alone that have ended", async () => {
    const taskUuid = await reported(true);
    await database.query(
      "test_cancel",
      "select tasker_host.move_tasks(array[$1::uuid], array['steps_in_process', 'cancelled'], array['Cancel'], null)",
      [taskUuid],
    );
    expect(await adoptSteps(database, 10, RULES)).toBe(0);
  });
});
