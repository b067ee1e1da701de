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

  const adopt = async (): Promise<number> => (await adoptSteps(database, 10, RULES)).adopted;

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
    expect(await adopt()).toBe(0);
  });

  it("goes on with a task whose result nobody has seen to, once", async () => {
    const taskUuid = await reported(true);
    expect(await adopt()).toBe(1);
    expect(await adopt()).toBe(0);
    expect(await stepStates(database, taskUuid)).toEqual({ a: "complete", b: "enqueued", c: "enqueued", d: "pending" });
    expect(await drain(database, host)).toBe(3);
    expect(await taskState(database, taskUuid)).toBe("complete");
  });

  it("retries a failure that nobody has seen to, after its wait", async () => {
    const taskUuid = await reported(false);
    expect(await adopt()).toBe(1);
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
    expect(await adopt()).toBe(1);
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
    expect(await adopt()).toBe(1);
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
    expect(await adopt()).toBe(0);
  });

  it("passes by what somebody holds, and says so", async () => {
    const held = await reported(true);
    const free = await reported(true);
    const other = test.open({ maxConnections: 1 });
    await other.session(async (operator) => {
      await operator.query("begin");
      await operator.query("select from tasker.tasks where task_uuid = $1 for update", [held]);
      expect(await adoptSteps(database, 10, RULES)).toEqual({ adopted: 1, locked: 1 });
      expect(await adoptSteps(database, 10, RULES)).toEqual({ adopted: 0, locked: 1 });
      await operator.query("rollback");
    });
    expect(await adoptSteps(database, 10, RULES)).toEqual({ adopted: 1, locked: 0 });
    expect(await drain(database, host)).toBe(6);
    expect([await taskState(database, held), await taskState(database, free)]).toEqual(["complete", "complete"]);
  });

  it("finds what waits by an index where the schema is ours", async () => {
    await reported(true);
    const plan = await database.session(async (client) => {
      await client.query("set enable_seqscan = off");
      const { rows } = await client.query<{ readonly "QUERY PLAN": string }>(
        `explain select t.workflow_step_uuid from tasker.workflow_step_transitions t
          where t.most_recent and t.to_state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration', 'waiting_for_retry')
          order by t.workflow_step_uuid limit 10`,
      );
      await client.query("reset enable_seqscan");
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    });
    expect(plan).toContain("idx_workflow_step_transitions_waiting");
  });
});
