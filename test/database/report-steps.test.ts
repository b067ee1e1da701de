import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import { wakeDueSteps } from "../../src/host/database/due-steps.ts";
import { checkpointSteps } from "../../src/host/database/leases.ts";
import { reportStepsEmbedded, reportStepsExternal } from "../../src/host/database/report-steps.ts";
import type { ClaimedStep } from "../../src/host/database/steps.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import { clear } from "./support/clear.ts";
import {
  brokenInvariants,
  claim,
  claimOne,
  createOne,
  DIAMOND,
  drain,
  failure,
  handClock,
  LINEAR,
  newTask,
  queueLength,
  register,
  report,
  RULES,
  session,
  SINGLE,
  stepHistory,
  stepStates,
  success,
  taskHistory,
  taskState,
} from "./support/workflow.ts";

describe.each(testServerNames())("reporting steps on %s", (server) => {
  let test: TestDatabase;
  let database: Database;
  let host: string;
  const calls: string[] = [];

  beforeAll(async () => {
    test = await testDatabase({ server });
    // One connection: its clock can be moved by hand.
    database = test.open({ maxConnections: 1, onRoundTrip: (name) => calls.push(name) });
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    await clear(database);
    await register(database, "single", SINGLE);
    await register(database, "linear", LINEAR);
    await register(database, "diamond", DIAMOND);
    host = await session(database);
  });
  afterEach(async () => {
    expect(await brokenInvariants(database)).toEqual([]);
  });

  const claimedOne = async (name = "single"): Promise<ClaimedStep> => {
    await createOne(database, name);
    return claimOne(database, host);
  };

  describe("a success", () => {
    it("goes through Tasker's states to complete, with result, audit row and attribution", async () => {
      const step = await claimedOne();
      expect(await report(database, host, [success(step, '{"n":1.50}')])).toEqual([
        { stepUuid: step.stepUuid, verdict: "recorded" },
      ]);
      expect(await stepHistory(database, step.stepUuid)).toEqual([
        "pending",
        "enqueued",
        "in_progress",
        "enqueued_for_orchestration",
        "complete",
      ]);
      const [row] = await database.query<Record<string, unknown>>(
        "test_row",
        `select s.in_process, s.processed, s.processed_at is not null as timed, s.results ->> 'success' as success,
                (s.results -> 'result')::text as result, a.success as audited, a.worker_uuid, a.correlation_id,
                a.execution_time_ms, t.metadata ->> 'worker_uuid' as by, l.ended_as
           from tasker.workflow_steps s
           join tasker.workflow_step_transitions t
             on t.workflow_step_uuid = s.workflow_step_uuid and t.to_state = 'enqueued_for_orchestration'
           join tasker.workflow_step_result_audit a using (workflow_step_transition_uuid)
           join tasker_host.step_leases l on l.workflow_step_uuid = s.workflow_step_uuid`,
      );
      expect(row).toEqual({
        in_process: false,
        processed: true,
        timed: true,
        success: "true",
        result: '{"n": 1.50}',
        audited: true,
        worker_uuid: host,
        correlation_id: step.correlationId,
        execution_time_ms: 7,
        by: host,
        ended_as: "recorded",
      });
    });

    it("enqueues the children that became ready, and no others", async () => {
      const task = await createOne(database, "diamond");
      await report(database, host, [success(await claimOne(database, host))]);
      expect(await stepStates(database, task)).toEqual({ a: "complete", b: "enqueued", c: "enqueued", d: "pending" });
      expect(await queueLength(database)).toBe(2);
      const [b, c] = await claim(database, host);
      if (b === undefined || c === undefined) throw new Error("two steps expected");
      await report(database, host, [success(b)]);
      expect((await stepStates(database, task))["d"]).toBe("pending");
      await report(database, host, [success(c)]);
      expect((await stepStates(database, task))["d"]).toBe("enqueued");
      expect(await taskState(database, task)).toBe("steps_in_process");
    });

    it("finalizes the task once its last step is complete", async () => {
      const task = await createOne(database, "diamond");
      expect(await drain(database, host)).toBe(4);
      expect(await taskHistory(database, task)).toEqual([
        "pending",
        "initializing",
        "enqueuing_steps",
        "steps_in_process",
        "evaluating_results",
        "complete",
      ]);
      const [row] = await database.query<Record<string, unknown>>(
        "test_task",
        "select complete, completed_at is not null as timed from tasker.tasks",
      );
      expect(row).toEqual({ complete: true, timed: true });
    });

    it("takes one round trip for a hundred steps of several workflows", async () => {
      await createTasks(
        database,
        Array.from({ length: 100 }, (_, index) => newTask(["single", "linear", "diamond"][index % 3] ?? "")),
      );
      const steps = await claim(database, host);
      calls.length = 0;
      const verdicts = await report(
        database,
        host,
        steps.map((step) => success(step)),
      );
      expect(calls).toEqual(["report_steps_embedded"]);
      expect(verdicts).toHaveLength(100);
      await drain(database, host);
      const rows = await database.query(
        "test_open",
        "select count(*)::int as open from tasker.tasks where not complete",
      );
      expect(rows).toEqual([{ open: 0 }]);
    });

    it("of both parents of a join in one batch enqueues the child once", async () => {
      const task = await createOne(database, "diamond");
      await report(database, host, [success(await claimOne(database, host))]);
      const parents = await claim(database, host);
      await report(
        database,
        host,
        parents.map((step) => success(step)),
      );
      expect((await stepStates(database, task))["d"]).toBe("enqueued");
      expect(await queueLength(database)).toBe(1);
    });
  });

  describe("a failure", () => {
    it("that may be retried waits, and wakes when its time has come", async () => {
      const advance = await handClock(database);
      const step = await claimedOne();
      await report(database, host, [failure(step)]);
      expect(await stepHistory(database, step.stepUuid)).toEqual([
        "pending",
        "enqueued",
        "in_progress",
        "enqueued_as_error_for_orchestration",
        "waiting_for_retry",
      ]);
      expect(await taskState(database, step.taskUuid)).toBe("waiting_for_dependencies");
      expect(await wakeDueSteps(database, 10)).toEqual({ woken: 0, nextDueInMs: 1_000 });
      await advance(999);
      expect(await wakeDueSteps(database, 10)).toEqual({ woken: 0, nextDueInMs: 1 });
      await advance(1);
      expect(await wakeDueSteps(database, 10)).toEqual({ woken: 1, nextDueInMs: undefined });
      expect((await stepHistory(database, step.stepUuid)).slice(-2)).toEqual(["pending", "enqueued"]);
      expect((await taskHistory(database, step.taskUuid)).slice(-5)).toEqual([
        "evaluating_results",
        "waiting_for_dependencies",
        "evaluating_results",
        "enqueuing_steps",
        "steps_in_process",
      ]);
      const again = await claimOne(database, host);
      expect({ attempt: again.attempt, epoch: again.epoch }).toEqual({ attempt: 2, epoch: 2 });
      await report(database, host, [success(again)]);
      expect(await taskState(database, step.taskUuid)).toBe("complete");
    });

    it("whose task somebody holds is passed by when its retry is due, and holds up no other", async () => {
      const advance = await handClock(database);
      const steps = [await claimedOne(), await claimedOne()];
      for (const step of steps) {
        await report(database, host, [failure(step)]);
        await advance(1);
      }
      await advance(1_000);
      const other = test.open({ maxConnections: 1 });
      await other.session(async (operator) => {
        await operator.query("begin");
        await operator.query("select from tasker.tasks where task_uuid = $1 for update", [steps[0]?.taskUuid]);
        expect(await wakeDueSteps(database, 1)).toEqual({ woken: 1, nextDueInMs: 0 });
        // Nothing to hurry for.
        expect(await wakeDueSteps(database, 1)).toEqual({ woken: 0, nextDueInMs: undefined });
        await operator.query("rollback");
      });
      expect(await wakeDueSteps(database, 1)).toEqual({ woken: 1, nextDueInMs: undefined });
    });

    it("that may not be retried ends the step and blocks the task, without a dead letter", async () => {
      const task = await createOne(database, "linear");
      const step = await claimOne(database, host);
      await report(database, host, [failure(step, { retryable: false })]);
      expect(await stepStates(database, task)).toEqual({ a: "error", b: "pending", c: "pending", d: "pending" });
      expect((await taskHistory(database, task)).slice(-2)).toEqual(["evaluating_results", "blocked_by_failures"]);
      expect(await database.query("test_dlq", "select from tasker.tasks_dlq")).toHaveLength(0);
      const [context] = await database.query<{ readonly execution_status: string }>(
        "test_execution",
        "select execution_status from tasker.get_task_execution_context($1)",
        [task],
      );
      expect(context?.execution_status).toBe("blocked_by_failures");
    });

    it("of a step that is not retryable ends it, whatever the outcome allows", async () => {
      await register(database, "once", { only: { retry: { retryable: false, max_attempts: 3 } } });
      const step = await claimedOne("once");
      await report(database, host, [failure(step)]);
      expect((await stepHistory(database, step.stepUuid)).at(-1)).toBe("error");
    });

    it("that used up the attempts blocks the task and opens one dead letter entry", async () => {
      const advance = await handClock(database);
      await register(database, "twice", { only: { retry: { max_attempts: 2, backoff: "none" } } });
      const first = await claimedOne("twice");
      await report(database, host, [failure(first)]);
      await advance(1);
      expect(await wakeDueSteps(database, 10)).toEqual({ woken: 1, nextDueInMs: undefined });
      await report(database, host, [failure(await claimOne(database, host))]);
      expect(await taskState(database, first.taskUuid)).toBe("blocked_by_failures");
      const entries = await database.query<Record<string, unknown>>(
        "test_dlq_entries",
        `select original_state, dlq_reason::text, resolution_status::text, task_snapshot ->> 'task_name' as name,
                metadata #>> '{exhausted_steps,0,name}' as step
           from tasker.tasks_dlq where task_uuid = $1`,
        [first.taskUuid],
      );
      expect(entries).toEqual([
        {
          original_state: "blocked_by_failures",
          dlq_reason: "max_retries_exceeded",
          resolution_status: "pending",
          name: "twice",
          step: "only",
        },
      ]);
    });

    it("lets other branches finish before the task is blocked", async () => {
      const task = await createOne(database, "diamond");
      await report(database, host, [success(await claimOne(database, host))]);
      const [b, c] = await claim(database, host);
      if (b === undefined || c === undefined) throw new Error("two steps expected");
      await report(database, host, [failure(b, { retryable: false })]);
      expect(await taskState(database, task)).toBe("steps_in_process");
      await report(database, host, [success(c)]);
      expect(await taskState(database, task)).toBe("blocked_by_failures");
      expect((await stepStates(database, task))["d"]).toBe("pending");
    });

    describe("waits as its template says", () => {
      it.each([
        ["none", { backoff: "none" }, [0, 0, 0, 0]],
        ["linear", { backoff: "linear", backoff_base_ms: 200 }, [200, 400, 600, 800]],
        ["exponential", { backoff: "exponential", backoff_base_ms: 100 }, [100, 200, 400, 800]],
        ["fibonacci", { backoff: "fibonacci", backoff_base_ms: 100 }, [100, 100, 200, 300]],
        [
          "a cap",
          { backoff: "exponential", backoff_base_ms: 1_000, max_backoff_ms: 1_500 },
          [1_000, 1_500, 1_500, 1_500],
        ],
        ["the host's rules where it says nothing", {}, [1_000, 2_000, 4_000, 8_000]],
      ])("%s", async (_, retry, waits) => {
        const advance = await handClock(database);
        await register(database, "waits", { only: { retry: { max_attempts: 10, ...retry } } });
        await createOne(database, "waits");
        const seen: number[] = [];
        for (let attempt = 1; attempt <= waits.length; attempt += 1) {
          await report(database, host, [failure(await claimOne(database, host))]);
          const { nextDueInMs, woken } = await wakeDueSteps(database, 10);
          seen.push(nextDueInMs ?? 0);
          if (woken === 0) {
            await advance(nextDueInMs ?? 0);
            await wakeDueSteps(database, 10);
          }
        }
        expect(seen).toEqual(waits);
      });

      it("within the jitter", async () => {
        const rules = { ...RULES, jitter: 0.5 };
        await createTasks(
          database,
          Array.from({ length: 60 }, () => newTask("single")),
        );
        await handClock(database);
        const steps = await claim(database, host);
        await reportStepsEmbedded(
          database,
          host,
          steps.map((step) => failure(step)),
          rules,
        );
        const rows = await database.query<{ readonly ms: number }>(
          "test_waits",
          "select (extract(epoch from due_at - tasker_host.current_time()) * 1000)::float8 as ms from tasker_host.step_retries",
        );
        const waits = rows.map(({ ms }) => ms);
        expect(Math.min(...waits)).toBeGreaterThanOrEqual(500);
        expect(Math.max(...waits)).toBeLessThanOrEqual(1_500);
        expect(new Set(waits).size).toBeGreaterThan(30);
      });

      it("unless the handler asked for a time", async () => {
        await handClock(database);
        const step = await claimedOne();
        await report(database, host, [failure(step, { retryAfterMs: 12_345 })]);
        expect((await wakeDueSteps(database, 10)).nextDueInMs).toBe(12_345);
        const [row] = await database.query<{ readonly seconds: number }>(
          "test_backoff",
          "select backoff_request_seconds as seconds from tasker.workflow_steps",
        );
        expect(row?.seconds).toBe(13);
      });

      it.each([
        ["its template", { max_backoff_ms: 90_000 }, 90_000],
        ["the host's rules", {}, 3_600_000],
      ])("and never longer than %s allows, whatever the handler asked for", async (_, retry, longest) => {
        await handClock(database);
        await register(database, "waits", { only: { retry: { max_attempts: 10, ...retry } } });
        await createOne(database, "waits");
        await report(database, host, [failure(await claimOne(database, host), { retryAfterMs: 9e15 })]);
        expect((await wakeDueSteps(database, 10)).nextDueInMs).toBe(longest);
      });
    });

    it("wakes no more than asked for, the earliest first, each by one host", async () => {
      const advance = await handClock(database);
      await createTasks(
        database,
        Array.from({ length: 5 }, () => newTask("single")),
      );
      const steps = await claim(database, host);
      await report(
        database,
        host,
        steps.map((step, index) => failure(step, { retryAfterMs: 100 * (index + 1) })),
      );
      await advance(350);
      expect(await wakeDueSteps(database, 2)).toEqual({ woken: 2, nextDueInMs: 0 });
      expect(await wakeDueSteps(database, 2)).toEqual({ woken: 1, nextDueInMs: 50 });
      expect(await queueLength(database)).toBe(3);
    });
  });

  describe("the fence", () => {
    it("takes a report once; the same again is recorded already and changes nothing", async () => {
      const step = await claimedOne();
      await report(database, host, [success(step, "1")]);
      expect(await report(database, host, [success(step, "2")])).toEqual([
        { stepUuid: step.stepUuid, verdict: "recorded" },
      ]);
      const rows = await database.query(
        "test_result",
        "select results ->> 'result' as result from tasker.workflow_steps",
      );
      expect(rows).toEqual([{ result: "1" }]);
      expect(await stepHistory(database, step.stepUuid)).toHaveLength(5);
    });

    it("refuses another epoch, and a step that was never claimed", async () => {
      const step = await claimedOne();
      expect(await report(database, host, [success({ ...step, epoch: 2 })])).toEqual([
        { stepUuid: step.stepUuid, verdict: "stale" },
      ]);
      const unknown = "00000000-0000-7000-8000-000000000000";
      expect(await report(database, host, [success({ ...step, stepUuid: unknown })])).toEqual([
        { stepUuid: unknown, verdict: "stale" },
      ]);
      expect((await stepHistory(database, step.stepUuid)).at(-1)).toBe("in_progress");
    });

    it("refuses a step that somebody moved on, and ends its lease", async () => {
      const step = await claimedOne();
      await database.query(
        "test_cancel",
        "select tasker_host.move_steps(array[$1::uuid], array['in_progress', 'cancelled'], array['{\"type\":\"Cancel\"}'])",
        [step.stepUuid],
      );
      await database.query(
        "test_cancel_row",
        "update tasker.workflow_steps set in_process = false, processed = true where workflow_step_uuid = $1",
        [step.stepUuid],
      );
      expect(await report(database, host, [success(step)])).toEqual([{ stepUuid: step.stepUuid, verdict: "stale" }]);
      const rows = await database.query("test_lease", "select ended_as from tasker_host.step_leases");
      expect(rows).toEqual([{ ended_as: "superseded" }]);
    });

    it("takes one of two reports of a step in one batch", async () => {
      const step = await claimedOne();
      expect(await report(database, host, [success(step, "1"), success(step, "2")])).toHaveLength(1);
      expect((await stepHistory(database, step.stepUuid)).at(-1)).toBe("complete");
    });
  });

  describe("a result that Postgres cannot hold", () => {
    it.each([
      ["no JSON", "{oops", "22P02"],
      ["U+0000", '{"result":"\\u0000"}', "22P05"],
      ["a lone surrogate", '{"result":"\\ud800"}', "22P02"],
      ["a number beyond its range", '{"result":1e200000}', "22003"],
      ["depth beyond its stack", "[".repeat(100_000) + "]".repeat(100_000), "54001"],
    ])("fails its step for good and none of its batch: %s", async (_, resultJson, sqlstate) => {
      await createTasks(database, [newTask("linear"), newTask("linear"), newTask("linear")]);
      const steps = await claim(database, host);
      const [bad] = steps;
      if (bad === undefined) throw new Error("three steps expected");
      calls.length = 0;
      const verdicts = await report(
        database,
        host,
        steps.map((step) => (step === bad ? { ...success(step), resultJson } : success(step))),
      );
      expect(calls).toEqual(["report_steps_embedded"]);
      expect(verdicts.filter(({ verdict }) => verdict === "recorded")).toHaveLength(2);
      expect(verdicts.find(({ stepUuid }) => stepUuid === bad.stepUuid)).toEqual({
        stepUuid: bad.stepUuid,
        verdict: "refused",
        sqlstate,
        message: expect.any(String),
      });
      const [row] = await database.query<Record<string, unknown>>(
        "test_refused",
        `select results #>> '{metadata,error_code}' as code, results #>> '{error,message}' as message
           from tasker.workflow_steps where workflow_step_uuid = $1`,
        [bad.stepUuid],
      );
      expect(row?.["code"]).toBe("TSK_STEP_RESULT_REFUSED");
      expect(row?.["message"]).toContain("Postgres cannot store the result: ");
      expect(await taskState(database, bad.taskUuid)).toBe("blocked_by_failures");
    });

    it("and breaks the statement itself is found by halving the batch", async () => {
      await createTasks(
        database,
        Array.from({ length: 8 }, () => newTask("single")),
      );
      const steps = await claim(database, host);
      const verdicts = await report(
        database,
        host,
        steps.map((step, index) => ({
          ...success(step),
          // A raw NUL cannot even be sent as a parameter.
          resultJson: index === 5 ? '{"result":"\0"}' : success(step).resultJson,
        })),
      );
      expect(verdicts.filter(({ verdict }) => verdict === "recorded")).toHaveLength(7);
      const refused = verdicts.find(({ verdict }) => verdict === "refused");
      expect(refused).toMatchObject({ stepUuid: steps[5]?.stepUuid, sqlstate: "22021" });
      expect((await stepHistory(database, steps[5]?.stepUuid ?? "")).at(-1)).toBe("error");
    });
  });

  it("takes results whose metadata is nonsense", async () => {
    const step = await claimedOne();
    const resultJson = '{"metadata":{"execution_time_ms":-1e300},"result":[1]}';
    expect(await report(database, host, [{ ...success(step), resultJson }])).toEqual([
      { stepUuid: step.stepUuid, verdict: "recorded" },
    ]);
  });

  describe("checkpoints", () => {
    const checkpoint = (cursor: number): string =>
      `{"cursor":${cursor},"items_processed":${cursor},"timestamp":"2026-01-01T00:00:00Z","accumulated_results":null}`;

    it("are kept with their history while the lease stands, and come with the next attempt", async () => {
      const advance = await handClock(database);
      const step = await claimedOne();
      for (const cursor of [1, 2, 3]) {
        const saved = await checkpointSteps(database, host, [{ ...step, checkpointJson: checkpoint(cursor) }]);
        expect(saved).toEqual(new Set([step.stepUuid]));
      }
      expect((await stepHistory(database, step.stepUuid)).at(-1)).toBe("in_progress");
      await report(database, host, [failure(step)]);
      await advance(1_000);
      await wakeDueSteps(database, 10);
      const again = await claimOne(database, host);
      const stored: unknown = JSON.parse(again.checkpointJson ?? "null");
      expect(stored).toMatchObject({
        cursor: 3,
        items_processed: 3,
        history: [{ cursor: 1 }, { cursor: 2 }, { cursor: 3 }],
      });
    });

    it("of a lost lease are not kept", async () => {
      const step = await claimedOne();
      const late = { stepUuid: step.stepUuid, epoch: 2, checkpointJson: checkpoint(1) };
      expect(await checkpointSteps(database, host, [late])).toEqual(new Set());
      const other = await session(database);
      expect(await checkpointSteps(database, other, [{ ...late, epoch: 1 }])).toEqual(new Set());
    });
  });

  describe("to an external orchestrator", () => {
    beforeEach(async () => {
      await database.query("test_queue", "select pgmq.create('orchestration_step_results')");
    });
    const messages = () =>
      database.query<{ readonly step: string; readonly visible: boolean }>(
        "test_messages",
        `select message ->> 'step_uuid' as step, vt <= clock_timestamp() as visible
           from pgmq.q_orchestration_step_results order by msg_id`,
      );

    it("leaves the step where the orchestrator expects it, with a message", async () => {
      await createTasks(database, [newTask("linear"), newTask("linear")]);
      const [good, bad] = await claim(database, host);
      if (good === undefined || bad === undefined) throw new Error("two steps expected");
      calls.length = 0;
      await reportStepsExternal(database, host, [success(good), failure(bad)]);
      expect(calls).toEqual(["report_steps_external"]);
      expect((await stepHistory(database, good.stepUuid)).at(-1)).toBe("enqueued_for_orchestration");
      expect((await stepHistory(database, bad.stepUuid)).at(-1)).toBe("enqueued_as_error_for_orchestration");
      expect((await messages()).map(({ step }) => step).sort()).toEqual([good.stepUuid, bad.stepUuid].sort());
      const rows = await database.query(
        "test_rows",
        "select in_process, processed, results is not null as has_results from tasker.workflow_steps where attempts = 1",
      );
      expect(rows).toEqual(
        Array.from({ length: 2 }, () => ({ in_process: false, processed: false, has_results: true })),
      );
      expect(await taskState(database, good.taskUuid)).toBe("steps_in_process");
    });

    it("holds a message back while the orchestrator is still enqueuing the task", async () => {
      const step = await claimedOne();
      await database.query(
        "test_early",
        "update tasker.task_transitions set to_state = 'enqueuing_steps' where most_recent and task_uuid = $1",
        [step.taskUuid],
      );
      await reportStepsExternal(database, host, [success(step)]);
      expect(await messages()).toEqual([{ step: step.stepUuid, visible: false }]);
      await database.query(
        "test_mended",
        "update tasker.task_transitions set to_state = 'steps_in_process' where most_recent and task_uuid = $1",
        [step.taskUuid],
      );
    });
  });
});
