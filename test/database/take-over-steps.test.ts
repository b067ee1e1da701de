import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isTaskerError } from "../../src/core/errors/index.ts";
import { takeOverSteps } from "../../src/host/database/claim-steps.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { wakeDueSteps } from "../../src/host/database/due-steps.ts";
import { checkpointSteps, moveLeases, reconcileLeases, releaseLeases } from "../../src/host/database/leases.ts";
import { closeSession, heartbeat } from "../../src/host/database/sessions.ts";
import type { ClaimedStep, TakenOver } from "../../src/host/database/steps.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import { clear } from "./support/clear.ts";
import {
  brokenInvariants,
  claim,
  claimOne,
  createOne,
  drain,
  failure,
  handClock,
  LINEAR,
  MAX_DEPENDENCY_BYTES,
  NAMESPACE,
  newTask,
  register,
  report,
  RULES,
  session,
  SINGLE,
  stepHistory,
  success,
  taskState,
} from "./support/workflow.ts";

const LEASE_MS = 10_000;

describe.each(testServerNames())("leases on %s", (server) => {
  let test: TestDatabase;
  let database: Database;
  let advance: (byMs: number) => Promise<void>;
  let first: string;
  let second: string;

  beforeAll(async () => {
    test = await testDatabase({ server });
    database = test.open({ maxConnections: 1 });
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    await clear(database);
    advance = await handClock(database);
    await register(database, "single", SINGLE);
    await register(database, "linear", LINEAR);
    first = await session(database, LEASE_MS);
    second = await session(database, LEASE_MS);
  });
  afterEach(async () => {
    expect(await brokenInvariants(database)).toEqual([]);
  });

  const look = (host: string, quantity = 100, mode: "embedded" | "external" = "embedded"): Promise<TakenOver> =>
    takeOverSteps(database, {
      session: host,
      namespaces: [NAMESPACE],
      quantity,
      nativeCallables: [],
      maxDependencyBytes: MAX_DEPENDENCY_BYTES,
      mode,
      retryRules: RULES,
    });
  const takeOver = async (host: string, mode?: "embedded" | "external"): Promise<readonly ClaimedStep[]> =>
    (await look(host, 100, mode)).steps;
  const claimedBy = async (host: string, name = "single"): Promise<ClaimedStep> => {
    await createOne(database, name);
    return claimOne(database, host);
  };
  /** Lets the lease of all others pass while `living` beat. */
  const die = async (...living: readonly string[]): Promise<void> => {
    for (let beats = 0; beats < 3; beats += 1) {
      await advance(LEASE_MS * 0.4);
      for (const host of living) await heartbeat(database, host);
    }
  };

  it("of a host that beats are nobody else's", async () => {
    await claimedBy(first);
    await advance(LEASE_MS - 1);
    expect(await heartbeat(database, first)).toBe(true);
    expect(await heartbeat(database, second)).toBe(true);
    await advance(LEASE_MS - 1);
    expect(await takeOver(second)).toEqual([]);
  });

  it("of a dead host are taken over with a new epoch and a new attempt, while the step stays in progress", async () => {
    const step = await claimedBy(first);
    await die(second);
    const [taken] = await takeOver(second);
    expect(taken).toEqual({ ...step, epoch: 2, attempt: 2 });
    expect(await stepHistory(database, step.stepUuid)).toEqual(["pending", "enqueued", "in_progress"]);
    expect(await takeOver(second)).toEqual([]);
    const leases = await database.query(
      "test_leases",
      "select epoch, attempt, session_uuid as host, ended_as from tasker_host.step_leases order by epoch",
    );
    expect(leases).toEqual([
      { epoch: 1, attempt: 1, host: first, ended_as: "taken_over" },
      { epoch: 2, attempt: 2, host: second, ended_as: null },
    ]);
  });

  it("fence the dead host: its late report and checkpoint are refused, the new holder's are taken", async () => {
    const step = await claimedBy(first);
    await die(second);
    const [taken] = await takeOver(second);
    if (taken === undefined) throw new Error("one step expected");
    const late = await report(database, first, [success(step, '"late"')]);
    expect(late).toEqual([{ stepUuid: step.stepUuid, verdict: "stale" }]);
    const checkpointJson = '{"cursor":1,"items_processed":1,"timestamp":"x","accumulated_results":null}';
    expect(await checkpointSteps(database, first, [{ ...step, checkpointJson }])).toEqual(new Set());
    expect(await report(database, second, [success(taken, '"new"')])).toMatchObject([{ verdict: "recorded" }]);
    const rows = await database.query(
      "test_result",
      "select results ->> 'result' as result from tasker.workflow_steps",
    );
    expect(rows).toEqual([{ result: "new" }]);
  });

  it("take a report of a host that was declared dead as long as nobody took the step over", async () => {
    const step = await claimedBy(first);
    await die(second);
    await database.query("test_bury", "select tasker_host.bury_dead_sessions($1)", [second]);
    expect(await report(database, first, [success(step)])).toMatchObject([{ verdict: "recorded" }]);
    expect(await takeOver(second)).toEqual([]);
  });

  it("end a dead session for good: its heartbeat says so, and it claims nothing", async () => {
    await createOne(database, "single");
    await die(second);
    await takeOver(second);
    expect(await heartbeat(database, first)).toBe(false);
    expect(await heartbeat(database, randomUUID())).toBe(false);
    const ended = (error: unknown): boolean => isTaskerError(error, "TSK_DATABASE_SESSION_ENDED");
    await expect(claim(database, first)).rejects.toSatisfy(ended);
    await expect(takeOver(first)).rejects.toSatisfy(ended);
    expect(await claim(database, second)).toHaveLength(1);
  });

  it("stay whose they are after an outage of all: the first host that is back buries nobody", async () => {
    await register(database, "once", { a: { retry: { retryable: false } } });
    const held = await claimedBy(first, "once");
    await advance(LEASE_MS + 1);
    expect(await heartbeat(database, second)).toBe(true);
    expect(await takeOver(second)).toEqual([]);
    // As long as a lease is: then the other one has had its time.
    await advance(LEASE_MS * 0.45);
    await heartbeat(database, second);
    await advance(LEASE_MS * 0.45);
    expect(await takeOver(second)).toEqual([]);
    expect(await heartbeat(database, first)).toBe(true);
    expect(await report(database, first, [success(held)])).toMatchObject([{ verdict: "recorded" }]);
  });

  it("stay whose they are where a host takes over before its first heartbeat after an outage of all", async () => {
    await register(database, "once", { a: { retry: { retryable: false } } });
    const held = await claimedBy(first, "once");
    await advance(LEASE_MS + 1);
    expect(await takeOver(second)).toEqual([]);
    expect(await heartbeat(database, first)).toBe(true);
    expect(await report(database, first, [success(held)])).toMatchObject([{ verdict: "recorded" }]);
  });

  it("of a host that did not outlive an outage of all are taken over a lease later", async () => {
    const step = await claimedBy(first);
    await advance(LEASE_MS + 1);
    await heartbeat(database, second);
    await die(second);
    expect(await takeOver(second)).toEqual([{ ...step, epoch: 2, attempt: 2 }]);
  });

  it("of a dead host are taken over without another wait by one that started when others had watched", async () => {
    const step = await claimedBy(first);
    await die(second);
    const third = await session(database, LEASE_MS);
    await closeSession(database, second);
    expect(await takeOver(third)).toEqual([{ ...step, epoch: 2, attempt: 2 }]);
  });

  it("wait for a lease where nobody watched before the host that finds them", async () => {
    const step = await claimedBy(first);
    await closeSession(database, second);
    await advance(LEASE_MS * 10);
    const third = await session(database, LEASE_MS);
    expect(await takeOver(third)).toEqual([]);
    await die(third);
    expect(await takeOver(third)).toEqual([{ ...step, epoch: 2, attempt: 2 }]);
  });

  it("go on in the new session of a host that was declared dead and holds them, in the same attempt", async () => {
    const held = await claimedBy(first);
    const unknown = await claimedBy(first);
    await die(second);
    await database.query("test_bury", "select tasker_host.bury_dead_sessions($1)", [second]);
    const again = await session(database, LEASE_MS);
    expect(await moveLeases(database, first, again, [held.stepUuid])).toBe(1);
    expect(await moveLeases(database, first, again, [held.stepUuid])).toBe(0);
    expect(await takeOver(again)).toMatchObject([{ stepUuid: unknown.stepUuid, epoch: 2, attempt: 2 }]);
    expect(await report(database, again, [success(held)])).toMatchObject([{ verdict: "recorded" }]);
  });

  it("are only taken over in the namespaces asked for, and no more than asked for", async () => {
    await register(database, "theirs", SINGLE, { namespace: "theirs" });
    await createOne(database, "theirs", { namespace: "theirs" });
    await claim(database, first, { namespace: "theirs" });
    await createTasks(database, [newTask("single"), newTask("single"), newTask("single")]);
    await claim(database, first);
    await die(second);
    const request = {
      session: second,
      nativeCallables: [],
      maxDependencyBytes: MAX_DEPENDENCY_BYTES,
      mode: "embedded",
      retryRules: RULES,
    } as const;
    const some = await takeOverSteps(database, { ...request, namespaces: [NAMESPACE], quantity: 2 });
    const rest = await takeOverSteps(database, { ...request, namespaces: [NAMESPACE, "theirs"], quantity: 9 });
    expect([some.steps.length, rest.steps.length]).toEqual([2, 2]);
  });

  it("that are released are handed over at once, and the attempt goes on", async () => {
    const step = await claimedBy(first);
    expect(await releaseLeases(database, first, [step.stepUuid], "interrupted")).toBe(1);
    expect(await releaseLeases(database, first, [step.stepUuid], "interrupted")).toBe(0);
    expect(await releaseLeases(database, second, [step.stepUuid], "interrupted")).toBe(0);
    const [taken] = await takeOver(second);
    expect(taken).toEqual({ ...step, epoch: 2, attempt: 1 });
    expect(await report(database, first, [success(step)])).toMatchObject([{ verdict: "stale" }]);
    await report(database, second, [success(taken ?? step)]);
    expect(await taskState(database, step.taskUuid)).toBe("complete");
  });

  it("that are released take a report until another host has them", async () => {
    const step = await claimedBy(first);
    await releaseLeases(database, first, [step.stepUuid], "interrupted");
    expect(await report(database, first, [success(step)])).toMatchObject([{ verdict: "recorded" }]);
    expect(await takeOver(second)).toEqual([]);
  });

  it("of a session that is closed are handed over", async () => {
    const step = await claimedBy(first);
    await closeSession(database, first);
    expect(await takeOver(second)).toEqual([{ ...step, epoch: 2 }]);
  });

  it("that the host does not know of are offered again, but none that a claim under way may still bring", async () => {
    const known = await claimedBy(first);
    const lost = await claimedBy(first);
    await advance(1_000);
    const earlier = await reconcileLeases(database, first, [known.stepUuid], undefined);
    expect(earlier.released).toBe(0);
    await advance(1_000);
    await claimedBy(first);
    const held = [known.stepUuid];
    expect(await reconcileLeases(database, first, held, earlier.lookedAt)).toMatchObject({ released: 1 });
    expect(await reconcileLeases(database, first, held, earlier.lookedAt)).toMatchObject({ released: 0 });
    expect(await takeOver(second)).toEqual([{ ...lost, epoch: 2 }]);
  });

  it("whose result Postgres refuses to record cost an attempt, and end the step with a code of their own", async () => {
    let step = await claimedBy(first);
    for (const attempt of [2, 3]) {
      expect(await releaseLeases(database, first, [step.stepUuid], "unreported")).toBe(1);
      const [taken] = await takeOver(first);
      expect(taken?.attempt).toBe(attempt);
      step = taken ?? step;
    }
    await releaseLeases(database, first, [step.stepUuid], "unreported");
    expect(await takeOver(second)).toEqual([]);
    const [row] = await database.query(
      "test_refused_row",
      `select results #>> '{metadata,error_code}' as code, attempts from tasker.workflow_steps`,
    );
    expect(row).toEqual({ code: "TSK_STEP_REPORT_REFUSED", attempts: 3 });
    expect(await taskState(database, step.taskUuid)).toBe("blocked_by_failures");
    const ends = await database.query("test_ends", "select ended_as from tasker_host.step_leases order by epoch");
    expect(ends.map((end) => Object.values(end as object)[0])).toEqual(["given_up", "given_up", "exhausted"]);
    const entries = await database.query("test_dlq", "select dlq_reason::text as reason from tasker.tasks_dlq");
    expect(entries).toEqual([{ reason: "max_retries_exceeded" }]);
  });

  it("that are offered again and again count as attempts in the end", async () => {
    await createOne(database, "single");
    let step = await claimOne(database, first);
    for (let starts = 2; starts <= 10; starts += 1) {
      await releaseLeases(database, first, [step.stepUuid], "not_started");
      const [taken] = await takeOver(first);
      expect(taken).toMatchObject({ epoch: starts, attempt: 1 });
      step = taken ?? step;
    }
    await releaseLeases(database, first, [step.stepUuid], "not_started");
    expect(await takeOver(first)).toMatchObject([{ epoch: 11, attempt: 2 }]);
  });

  it("of a step that cannot even be failed hold up no other", async () => {
    await register(database, "once", { a: { retry: { retryable: false } } });
    const bad = await claimedBy(first, "once");
    const good = await claimedBy(first, "once");
    await database.query(
      "test_refusing",
      `create function test_refuse() returns trigger language plpgsql as $$
       begin
         if new.workflow_step_uuid = '${bad.stepUuid}' and new.to_state like 'enqueued_as_error%' then raise 'never'; end if;
         return new;
       end $$`,
    );
    await database.query(
      "test_refuser",
      "create trigger test_refuser before insert on tasker.workflow_step_transitions for each row execute function test_refuse()",
    );
    const other = await claimedBy(first);
    await die(second);
    expect((await takeOver(second)).map(({ stepUuid }) => stepUuid)).toEqual([other.stepUuid]);
    expect((await stepHistory(database, good.stepUuid)).at(-1)).toBe("error");
    expect((await stepHistory(database, bad.stepUuid)).at(-1)).toBe("in_progress");
    await database.query("test_gone", "drop function test_refuse() cascade");
    await takeOver(second);
    expect((await stepHistory(database, bad.stepUuid)).at(-1)).toBe("error");
  });

  describe("of a step that may not run again", () => {
    it("end in error with a code of their own, and the task is orchestrated like after any failure", async () => {
      await register(database, "once", { a: { retry: { retryable: false } }, b: { after: ["a"] } });
      const step = await claimedBy(first, "once");
      await die(second);
      expect(await takeOver(second)).toEqual([]);
      expect((await stepHistory(database, step.stepUuid)).slice(-2)).toEqual([
        "enqueued_as_error_for_orchestration",
        "error",
      ]);
      const [row] = await database.query<Record<string, unknown>>(
        "test_row",
        `select results #>> '{metadata,error_code}' as code, attempts, in_process, l.ended_as
           from tasker.workflow_steps s join tasker_host.step_leases l using (workflow_step_uuid)`,
      );
      expect(row).toEqual({ code: "TSK_STEP_HOST_LOST", attempts: 1, in_process: false, ended_as: "exhausted" });
      const entries = await database.query(
        "test_dlq_steps",
        `select dlq_reason::text as reason, metadata #>> '{exhausted_steps,0,name}' as step from tasker.tasks_dlq`,
      );
      expect(entries).toEqual([{ reason: "worker_unavailable", step: "a" }]);
      expect(await taskState(database, step.taskUuid)).toBe("blocked_by_failures");
    });

    it("go on elsewhere where no handler has seen the step", async () => {
      await register(database, "once", { a: { retry: { retryable: false } } });
      const step = await claimedBy(first, "once");
      await releaseLeases(database, first, [step.stepUuid], "not_started");
      expect(await takeOver(second)).toEqual([{ ...step, epoch: 2 }]);
    });

    it("also where they were released: their handler may have begun", async () => {
      await register(database, "once", { a: { retry: { retryable: false } } });
      const step = await claimedBy(first, "once");
      await releaseLeases(database, first, [step.stepUuid], "interrupted");
      expect(await takeOver(second)).toEqual([]);
      expect(await taskState(database, step.taskUuid)).toBe("blocked_by_failures");
    });

    it("count every dead host as an attempt, so that a step which kills hosts ends, with a dead letter", async () => {
      const step = await claimedBy(first);
      let holder = first;
      for (const attempt of [2, 3]) {
        const next = await session(database, LEASE_MS);
        await die(next);
        const [taken] = await takeOver(next);
        expect(taken?.attempt).toBe(attempt);
        holder = next;
      }
      const last = await session(database, LEASE_MS);
      await die(last);
      expect(await takeOver(last)).toEqual([]);
      expect(await heartbeat(database, holder)).toBe(false);
      expect((await stepHistory(database, step.stepUuid)).at(-1)).toBe("error");
      const entries = await database.query("test_dlq", "select dlq_reason::text as reason from tasker.tasks_dlq");
      expect(entries).toEqual([{ reason: "max_retries_exceeded" }]);
    });

    it("are reported to an external orchestrator", async () => {
      await database.query("test_queue", "select pgmq.create('orchestration_step_results')");
      await register(database, "once", { a: { retry: { retryable: false } } });
      const step = await claimedBy(first, "once");
      await die(second);
      expect(await takeOver(second, "external")).toEqual([]);
      expect((await stepHistory(database, step.stepUuid)).at(-1)).toBe("enqueued_as_error_for_orchestration");
      const rows = await database.query(
        "test_message",
        "select message ->> 'step_uuid' as step from pgmq.q_orchestration_step_results",
      );
      expect(rows).toEqual([{ step: step.stepUuid }]);
    });
  });

  it("that end without a run are told of, so that the caller looks for what is behind them", async () => {
    await register(database, "once", { a: { retry: { retryable: false } } });
    for (let n = 0; n < 3; n += 1) await claimedBy(first, "once");
    const last = await claimedBy(first);
    await die(second);
    expect(await look(second, 2)).toEqual({ steps: [], ended: 2, locked: 0 });
    expect(await look(second, 2)).toMatchObject({ steps: [{ stepUuid: last.stepUuid }], ended: 1 });
    expect(await look(second, 2)).toEqual({ steps: [], ended: 0, locked: 0 });
  });

  it("of a step that cannot be taken do not hide those behind it, and one whose row is gone is ended", async () => {
    await register(database, "once", { a: { retry: { retryable: false } } });
    const gone = await claimedBy(first, "once");
    const stuck = await claimedBy(first, "once");
    const good = await claimedBy(first);
    for (const table of ["workflow_step_transitions", "workflow_steps"]) {
      await database.query(`test_gone_${table}`, `delete from tasker.${table} where workflow_step_uuid = $1`, [
        gone.stepUuid,
      ]);
    }
    await database.query("test_gone_moves", "delete from tasker.task_transitions where task_uuid = $1", [
      gone.taskUuid,
    ]);
    await database.query("test_gone_task", "delete from tasker.tasks where task_uuid = $1", [gone.taskUuid]);
    await database.query(
      "test_stuck",
      `create function test_stuck() returns trigger language plpgsql as $$
       begin
         if new.workflow_step_uuid = '${stuck.stepUuid}' and new.to_state like 'enqueued_as_error%' then raise 'never'; end if;
         return new;
       end $$`,
    );
    await database.query(
      "test_stuck_trigger",
      "create trigger test_stuck before insert on tasker.workflow_step_transitions for each row execute function test_stuck()",
    );
    await die(second);
    expect(await look(second, 1)).toEqual({ steps: [], ended: 1, locked: 0 });
    expect(await look(second, 1)).toMatchObject({ steps: [{ stepUuid: good.stepUuid }] });
    const ends = await database.query(
      "test_gone_ends",
      "select ended_as from tasker_host.step_leases where workflow_step_uuid = $1",
      [gone.stepUuid],
    );
    expect(ends).toEqual([{ ended_as: "superseded" }]);
    await database.query("test_unstuck", "drop function test_stuck() cascade");
    expect(await look(second, 1)).toMatchObject({ ended: 1 });
    await database.query("test_forget", "delete from tasker_host.step_leases where workflow_step_uuid = $1", [
      gone.stepUuid,
    ]);
  });

  it("of a task that somebody holds wait for it, and hold up no other", async () => {
    const held = await claimedBy(first);
    const free = await claimedBy(first);
    await die(second);
    const other = test.open({ maxConnections: 1 });
    await other.session(async (operator) => {
      await operator.query("begin");
      await operator.query("select from tasker.tasks where task_uuid = $1 for update", [held.taskUuid]);
      const { steps, locked } = await look(second, 1);
      expect(steps.map(({ stepUuid }) => stepUuid)).toEqual([free.stepUuid]);
      expect(locked).toBe(1);
      await operator.query("rollback");
    });
    expect(await look(second, 1)).toMatchObject({ steps: [{ stepUuid: held.stepUuid }], locked: 0 });
  });

  it("of a step that somebody moved on are ended without a run", async () => {
    const step = await claimedBy(first);
    await database.query(
      "test_cancel",
      "select tasker_host.move_steps(array[$1::uuid], array['in_progress', 'cancelled'], array['{\"type\":\"Cancel\"}'])",
      [step.stepUuid],
    );
    await database.query("test_cancel_row", "update tasker.workflow_steps set in_process = false, processed = true");
    await die(second);
    expect(await takeOver(second)).toEqual([]);
    const rows = await database.query("test_lease", "select ended_as from tasker_host.step_leases");
    expect(rows).toEqual([{ ended_as: "superseded" }]);
  });

  it("leave steps alone that another kind of worker runs", async () => {
    await createOne(database, "single");
    await database.query(
      "test_foreign",
      `select tasker_host.move_steps(array(select workflow_step_uuid from tasker.workflow_steps),
                                     array['enqueued', 'in_progress'], array['{"type":"Start"}'])`,
    );
    await database.query("test_foreign_row", "update tasker.workflow_steps set in_process = true");
    await die(second);
    expect(await takeOver(second)).toEqual([]);
  });

  it("go on counting epochs from attempt to attempt", async () => {
    const step = await claimedBy(first);
    await die(second);
    const [taken] = await takeOver(second);
    await report(database, second, [failure(taken ?? step)]);
    await advance(2_000);
    await wakeDueSteps(database, 10);
    const third = await claimOne(database, second);
    expect({ epoch: third.epoch, attempt: third.attempt }).toEqual({ epoch: 3, attempt: 3 });
    // Whatever the first two holders still say, it is not theirs.
    for (const late of [step, taken ?? step]) {
      expect((await report(database, first, [success(late)]))[0]?.verdict).not.toBe("refused");
    }
    expect((await stepHistory(database, step.stepUuid)).at(-1)).toBe("in_progress");
    await report(database, second, [success(third)]);
    expect(await taskState(database, step.taskUuid)).toBe("complete");
  });

  it("are taken over once by many hosts that try at the same time", async () => {
    await createTasks(
      database,
      Array.from({ length: 50 }, () => newTask("linear")),
    );
    await claim(database, first);
    await closeSession(database, first);
    const many = test.open({ maxConnections: 6 });
    const hosts = await Promise.all(Array.from({ length: 6 }, () => session(many)));
    const taken = await Promise.all(
      hosts.map((each) =>
        takeOverSteps(many, {
          session: each,
          namespaces: [NAMESPACE],
          quantity: 30,
          nativeCallables: [],
          maxDependencyBytes: MAX_DEPENDENCY_BYTES,
          mode: "embedded",
          retryRules: RULES,
        }),
      ),
    );
    const uuids = taken.flatMap(({ steps }) => steps).map(({ stepUuid }) => stepUuid);
    expect(new Set(uuids).size).toBe(uuids.length);
    await Promise.all(
      hosts.map((each, index) =>
        report(
          many,
          each,
          (taken[index]?.steps ?? []).map((step) => success(step)),
        ),
      ),
    );
    // They take turns: each has seen what the ones before it left.
    expect(uuids).toHaveLength(50);
    expect(await takeOver(second)).toEqual([]);
    expect(await drain(database, second)).toBe(150);
  });
});
