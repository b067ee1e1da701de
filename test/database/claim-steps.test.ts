import { createHash, randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isTaskerError } from "../../src/core/errors/index.ts";
import { claimSteps } from "../../src/host/database/claim-steps.ts";
import { serveCallables } from "../registry/support/serve-callables.ts";
import { storeComponent } from "../../src/host/database/components.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { closeSession } from "../../src/host/database/sessions.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import { clear } from "./support/clear.ts";
import {
  brokenInvariants,
  claim,
  claimOne,
  createOne,
  DIAMOND,
  LINEAR,
  MAX_DEPENDENCY_BYTES,
  NAMESPACE,
  newTask,
  queueLength,
  register,
  report,
  session,
  SINGLE,
  stepHistory,
  success,
} from "./support/workflow.ts";

const NOTHING = {
  namespace: NAMESPACE,
  quantity: 100,
  nativeCallables: [],
  maxDependencyBytes: MAX_DEPENDENCY_BYTES,
  mode: "embedded",
} as const;

describe.each(testServerNames())("claimSteps() on %s", (server) => {
  let test: TestDatabase;
  let database: Database;
  let host: string;
  const calls: string[] = [];

  beforeAll(async () => {
    test = await testDatabase({ server });
    database = test.open({ onRoundTrip: (name) => calls.push(name) });
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    await clear(database);
    await register(database, "single", SINGLE);
    await register(database, "linear", LINEAR);
    host = await session(database);
  });
  afterEach(async () => {
    expect(await brokenInvariants(database)).toEqual([]);
  });

  const send = (message: string) =>
    database.query("test_send", "select pgmq.send(tasker_host.queue_of('math'), $1::jsonb)", [message]);
  const archivedReasons = async () => {
    const { steps, archived } = await claimSteps(database, { session: host, ...NOTHING });
    expect(await queueLength(database)).toBe(0);
    return { claimed: steps.length, reasons: archived.map(({ reason }) => reason).sort() };
  };

  it("claims and hydrates a hundred steps in one round trip", async () => {
    await createTasks(
      database,
      Array.from({ length: 100 }, () => newTask("single")),
    );
    calls.length = 0;
    expect(await claim(database, host)).toHaveLength(100);
    expect(calls).toEqual(["claim_steps"]);
    expect(await claim(database, host)).toEqual([]);
  });

  it("takes no more than asked for, the oldest messages first", async () => {
    const created = await createTasks(
      database,
      Array.from({ length: 5 }, () => newTask("single")),
    );
    const first = await claim(database, host, { quantity: 2 });
    const rest = await claim(database, host, { quantity: 100 });
    expect([...first, ...rest].map(({ taskUuid }) => taskUuid).sort()).toEqual(
      created.map(({ taskUuid }) => taskUuid).sort(),
    );
    expect(new Set(first.map(({ taskUuid }) => taskUuid))).toEqual(
      new Set(created.slice(0, 2).map(({ taskUuid }) => taskUuid)),
    );
  });

  it("brings everything that a handler needs, with numbers as they are spelled", async () => {
    const correlationId = randomUUID();
    const parentCorrelationId = randomUUID();
    await register(database, "rich", {
      first: {},
      second: {
        after: ["first"],
        callable: "rich.second",
        retry: { max_attempts: 5, retryable: true },
        more: {
          handler: { callable: "rich.second", method: "run", initialization: { limit: 3 } },
          timeout_seconds: 2.5,
        },
      },
    });
    await createOne(database, "rich", {
      context: '{"n":12345678901234567890}',
      correlationId,
      parentCorrelationId,
      priority: 7,
    });
    const first = await claimOne(database, host);
    expect(first.dependencyResults).toEqual([]);
    await report(database, host, [success(first, '{"v":98765432109876543210,"s":"\\u00e9\\"\\n"}')]);
    const second = await claimOne(database, host);
    expect(second).toEqual({
      stepUuid: expect.any(String),
      taskUuid: first.taskUuid,
      epoch: 1,
      attempt: 1,
      maxAttempts: 5,
      retryable: true,
      namespace: NAMESPACE,
      taskName: "rich",
      taskVersion: "1.0.0",
      stepName: "second",
      templateStepName: "second",
      correlationId,
      parentCorrelationId,
      callable: "rich.second",
      method: "run",
      timeoutSeconds: 2.5,
      digest: undefined,
      contextJson: '{"n": 12345678901234567890}',
      inputsJson: '{"limit": 3}',
      configJson: '{"limit": 3}',
      dependencyResults: [{ stepName: "first", resultJson: '{"s": "é\\"\\n", "v": 98765432109876543210}' }],
      checkpointJson: undefined,
      priority: 7,
    });
    await report(database, host, [success(second)]);
  });

  it("brings the results of all completed ancestors, nearest first, each once", async () => {
    await register(database, "diamond", { ...DIAMOND, e: { after: ["d", "a"] } });
    await createOne(database, "diamond");
    const results: Record<string, readonly string[]> = {};
    for (let steps = await claim(database, host); steps.length > 0; steps = await claim(database, host)) {
      for (const { stepName, dependencyResults } of steps) {
        results[stepName] = dependencyResults.map((each) => `${each.stepName}=${each.resultJson}`);
      }
      await report(
        database,
        host,
        steps.map((step) => success(step, `"${step.stepName}"`)),
      );
    }
    expect(results["a"]).toEqual([]);
    expect(results["b"]).toEqual(['a="a"']);
    expect(results["d"]?.toSorted()).toEqual(['a="a"', 'b="b"', 'c="c"']);
    expect(results["d"]?.at(-1)).toBe('a="a"');
    expect(results["e"]).toHaveLength(4);
  });

  it("leaves a step's row as a Tasker worker would, and a lease beside it", async () => {
    await createOne(database, "single");
    const step = await claimOne(database, host);
    expect(await stepHistory(database, step.stepUuid)).toEqual(["pending", "enqueued", "in_progress"]);
    const [row] = await database.query(
      "test_row",
      `select s.in_process, s.processed, s.attempts, s.last_attempted_at is not null as attempted,
              (select metadata ->> 'event' from tasker.workflow_step_transitions t
                where t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent) as event,
              (select count(*)::int from pgmq.a_worker_math_queue) as archived,
              l.session_uuid as holder, l.epoch, l.attempt, l.namespace
         from tasker.workflow_steps s join tasker_host.step_leases l using (workflow_step_uuid)`,
    );
    expect(row).toEqual({
      in_process: true,
      processed: false,
      attempts: 1,
      attempted: true,
      event: '{"type":"Start"}',
      archived: 1,
      holder: host,
      epoch: 1,
      attempt: 1,
      namespace: NAMESPACE,
    });
  });

  it("gives each step to one of many hosts that claim at once", async () => {
    await createTasks(
      database,
      Array.from({ length: 200 }, () => newTask("single")),
    );
    const hosts = await Promise.all(Array.from({ length: 4 }, () => session(database)));
    const claimed: string[] = [];
    await Promise.all(
      hosts.map(async (each) => {
        for (let steps = await claim(database, each, { quantity: 7 }); steps.length > 0;) {
          claimed.push(...steps.map(({ stepUuid }) => stepUuid));
          steps = await claim(database, each, { quantity: 7 });
        }
      }),
    );
    expect(claimed).toHaveLength(200);
    expect(new Set(claimed).size).toBe(200);
  });

  it("starts a step once where several hosts hold a message for it at the same time", async () => {
    await createTasks(
      database,
      Array.from({ length: 30 }, () => newTask("single")),
    );
    // Three messages a step, in different orders, so that batches of different hosts overlap.
    await database.query(
      "test_duplicate",
      `select pgmq.send(tasker_host.queue_of('math'), message)
         from (select message from pgmq.q_worker_math_queue, generate_series(1, 2) order by random()) m`,
    );
    const hosts = await Promise.all(Array.from({ length: 4 }, () => session(database)));
    const answers = await Promise.all(
      hosts.map((each) => claimSteps(database, { session: each, ...NOTHING, quantity: 25 })),
    );
    const claimed = answers.flatMap(({ steps }) => steps.map(({ stepUuid }) => stepUuid));
    expect(claimed).toHaveLength(30);
    expect(new Set(claimed).size).toBe(30);
    const reasons = answers.flatMap(({ archived }) => archived.map(({ reason }) => reason));
    expect(reasons).toHaveLength(60);
    expect(new Set(reasons)).toEqual(new Set(["already_claimed", "duplicate"]));
    expect(await queueLength(database)).toBe(0);
  });

  describe("archives a message that leads nowhere, with its reason", () => {
    it.each([
      ["no object", '"hello"'],
      ["JSON null", "null"],
      ["an array", "[1,2]"],
      ["no step", '{"task_uuid":"x"}'],
      ["a step that is no UUID", '{"step_uuid":"1234"}'],
      ["a step that is an object", '{"step_uuid":{"a":1}}'],
    ])("malformed: %s", async (_, message) => {
      await send(message);
      expect(await archivedReasons()).toEqual({ claimed: 0, reasons: ["malformed"] });
    });

    it("unknown: no such step", async () => {
      await send(JSON.stringify({ step_uuid: randomUUID() }));
      expect(await archivedReasons()).toEqual({ claimed: 0, reasons: ["unknown_step"] });
    });

    it("foreign: a step of another namespace", async () => {
      await register(database, "theirs", SINGLE, { namespace: "theirs" });
      await createOne(database, "theirs", { namespace: "theirs" });
      await database.query(
        "test_move",
        "select pgmq.send(tasker_host.queue_of('math'), message) from pgmq.q_worker_theirs_queue",
      );
      expect(await archivedReasons()).toEqual({ claimed: 0, reasons: ["foreign_namespace"] });
      expect(await claim(database, host, { namespace: "theirs" })).toHaveLength(1);
    });

    it("duplicate, finished and too early, beside one that can run", async () => {
      await createOne(database, "linear");
      const first = await claimOne(database, host);
      await report(database, host, [success(first)]);
      await database.query(
        "test_resend",
        `select pgmq.send(tasker_host.queue_of('math'), jsonb_build_object('step_uuid', workflow_step_uuid))
           from tasker.workflow_steps order by workflow_step_uuid`,
      );
      // a is done, b has two messages, c and d wait for their parents.
      expect(await archivedReasons()).toEqual({
        claimed: 1,
        reasons: ["duplicate", "finished", "not_enqueued", "not_enqueued"],
      });
      const rows = await database.query(
        "test_archive",
        `select count(*)::int as kept, count(a.msg_id)::int as in_archive
           from tasker_host.archived_messages m left join pgmq.a_worker_math_queue a using (msg_id)`,
      );
      expect(rows).toEqual([{ kept: 4, in_archive: 4 }]);
    });
  });

  it("leaves a message alone that is not visible yet", async () => {
    await createOne(database, "single");
    await database.query("test_hide", "update pgmq.q_worker_math_queue set vt = clock_timestamp() + interval '1 hour'");
    expect(await claim(database, host)).toEqual([]);
    expect(await queueLength(database)).toBe(1);
  });

  it("refuses a session that was closed, and takes nothing", async () => {
    await createOne(database, "single");
    await closeSession(database, host);
    await expect(claim(database, host)).rejects.toSatisfy((error) =>
      isTaskerError(error, "TSK_DATABASE_SESSION_ENDED"),
    );
    expect(await queueLength(database)).toBe(1);
  });

  it("claims a step whose template has lost it, with an empty callable", async () => {
    await createOne(database, "single");
    await register(database, "single", { other: {} });
    expect((await claimOne(database, host)).callable).toBe("");
  });

  describe("names the component that runs a step", () => {
    const bytesOf = (letter: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(letter);
    const digest = (letter: string): string => createHash("sha256").update(bytesOf(letter)).digest("hex");
    const store = (letter: string) =>
      storeComponent(database, {
        digest: digest(letter),
        bytes: bytesOf(letter),
        imports: ["tasker:handler/log@1.0.0"],
        exports: [],
        capabilities: ["log"],
        preparerVersion: "1",
        fuelScheduleId: "f1",
        artifact: new Uint8Array([4, 5]),
        describeFuel: 10,
      });
    const activate = (letter: string, namespace = NAMESPACE) =>
      serveCallables(database, { namespace, name: "handlers", digest: digest(letter), callables: ["math.only"] });

    beforeEach(async () => {
      await store("a");
      await store("b");
      await createTasks(database, [newTask("single"), newTask("single"), newTask("single")]);
    });

    it("by what is active at the claim, and records it with the lease", async () => {
      expect((await claimOne(database, host)).digest).toBeUndefined();
      await activate("a");
      expect((await claimOne(database, host)).digest).toBe(digest("a"));
      await activate("b");
      expect((await claimOne(database, host)).digest).toBe(digest("b"));
      const rows = await database.query(
        "test_digests",
        "select digest from tasker_host.step_leases order by claimed_at",
      );
      expect(rows).toEqual([{ digest: null }, { digest: digest("a") }, { digest: digest("b") }]);
    });

    it("but none where a native handler has the callable, or only another namespace has the component", async () => {
      await activate("a", "theirs");
      expect((await claimOne(database, host)).digest).toBeUndefined();
      await activate("a");
      const [step] = await claim(database, host, { quantity: 1, nativeCallables: ["math.only"] });
      expect(step?.digest).toBeUndefined();
    });
  });

  it("leaves out dependency results that are too many, and says how many bytes they have", async () => {
    await createOne(database, "linear");
    const first = await claimOne(database, host);
    await report(database, host, [success(first, '"0123456789"')]);
    await createOne(database, "single");
    const claimed = await claim(database, host, { maxDependencyBytes: 11 });
    expect(claimed.map(({ bytesLeftOut, dependencyResults }) => ({ bytesLeftOut, dependencyResults }))).toEqual([
      { bytesLeftOut: 12, dependencyResults: [] },
      { bytesLeftOut: undefined, dependencyResults: [] },
    ]);
  });

  it("leaves the message of a step that was enqueued again beside its live lease until that has ended", async () => {
    await createOne(database, "single");
    const held = await claimOne(database, host);
    await database.query(
      "test_again",
      `select tasker_host.move_steps(array[$1::uuid], array['in_progress', 'waiting_for_retry', 'pending', 'enqueued'],
                array['{"type":"WaitForRetry"}', '{"type":"Retry"}', '{"type":"Enqueue"}'])`,
      [held.stepUuid],
    );
    await database.query("test_again_message", "select tasker_host.send_step_messages(array[$1::uuid])", [
      held.stepUuid,
    ]);
    await createOne(database, "single");
    const other = await session(database);
    const claimed = await claim(database, other);
    expect(claimed).toHaveLength(1);
    expect(claimed[0]?.stepUuid).not.toBe(held.stepUuid);
    expect(await queueLength(database)).toBe(1);
    expect(await claim(database, other)).toEqual([]);

    expect(await report(database, host, [success(held)])).toMatchObject([{ verdict: "stale" }]);
    await database.query("test_soon", "update pgmq.q_worker_math_queue set vt = clock_timestamp()");
    expect(await claim(database, other)).toMatchObject([{ stepUuid: held.stepUuid, epoch: 2, attempt: 2 }]);
  });

  it("archives what Postgres refuses to claim and fails its step, and claims the others", async () => {
    const tasks = await createTasks(
      database,
      Array.from({ length: 5 }, () => newTask("single")),
    );
    const bad = tasks[2]?.taskUuid;
    await database.query(
      "test_refusal",
      `create function test_refuse_lease() returns trigger language plpgsql as $$
       begin
         if new.task_uuid = '${bad}' then raise 'not this one'; end if;
         return new;
       end $$`,
    );
    await database.query(
      "test_refusal_trigger",
      "create trigger test_refuse_lease before insert on tasker_host.step_leases for each row execute function test_refuse_lease()",
    );
    const seen: string[] = [];
    const reasons: string[] = [];
    for (let claims = 0; claims < 6; claims += 1) {
      const { steps, archived } = await claimSteps(database, { session: host, ...NOTHING });
      seen.push(...steps.map(({ taskUuid }) => taskUuid));
      reasons.push(...archived.map(({ reason }) => reason));
    }
    await database.query("test_refusal_over", "drop function test_refuse_lease() cascade");
    expect(seen.sort()).toEqual(tasks.map(({ taskUuid }) => taskUuid).filter((taskUuid) => taskUuid !== bad));
    expect(reasons).toEqual(["unclaimable"]);
    expect(await queueLength(database)).toBe(0);
    const [row] = await database.query(
      "test_refused_step",
      `select results #>> '{metadata,error_code}' as code, results #>> '{error,message}' as message, attempts,
              tasker.get_current_task_state(task_uuid) as task
         from tasker.workflow_steps where task_uuid = $1`,
      [bad],
    );
    expect(row).toEqual({
      code: "TSK_STEP_UNCLAIMABLE",
      message: "Postgres refuses the claim of the step: not this one",
      attempts: 0,
      task: "blocked_by_failures",
    });
  });
});
