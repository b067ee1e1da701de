import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { registerTemplate } from "../../src/host/database/templates.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import {
  brokenInvariants,
  createOne,
  DIAMOND,
  LINEAR,
  newTask,
  queueLength,
  register,
  stepHistory,
  stepStates,
  taskHistory,
} from "./support/workflow.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";

describe.each(testServerNames())("createTasks() on %s", (server) => {
  let test: TestDatabase;
  let database: Database;
  const calls: string[] = [];

  beforeAll(async () => {
    test = await testDatabase({ server });
    database = test.open({ onRoundTrip: (name) => calls.push(name) });
    await register(database, "linear", LINEAR);
    await register(database, "diamond", DIAMOND);
    await register(database, "empty", {});
  });
  afterAll(async () => {
    expect(await brokenInvariants(database)).toEqual([]);
    await test.close();
  });

  it("writes task, steps, edges and transitions, and enqueues the roots", async () => {
    const before = await queueLength(database);
    const task = await createOne(database, "diamond");
    expect(await stepStates(database, task)).toEqual({ a: "enqueued", b: "pending", c: "pending", d: "pending" });
    expect(await taskHistory(database, task)).toEqual([
      "pending",
      "initializing",
      "enqueuing_steps",
      "steps_in_process",
    ]);
    expect(await queueLength(database)).toBe(before + 1);
    const steps = await database.query<{ readonly id: string; readonly name: string; readonly parents: string }>(
      "test_steps",
      `select s.workflow_step_uuid as id, n.name,
              array_to_string(array(
                select pn.name::text from tasker.workflow_step_edges e
                  join tasker.workflow_steps p on p.workflow_step_uuid = e.from_step_uuid
                  join tasker.named_steps pn on pn.named_step_uuid = p.named_step_uuid
                 where e.to_step_uuid = s.workflow_step_uuid and e.name = 'provides' order by 1), ',') as parents
         from tasker.workflow_steps s join tasker.named_steps n using (named_step_uuid)
        where s.task_uuid = $1 order by s.workflow_step_uuid`,
      [task],
    );
    expect(steps.map(({ name, parents }) => [name, parents])).toEqual([
      ["a", ""],
      ["b", "a"],
      ["c", "a"],
      ["d", "b,c"],
    ]);
    expect(await stepHistory(database, steps[0]?.id ?? "")).toEqual(["pending", "enqueued"]);
    expect(await stepHistory(database, steps[3]?.id ?? "")).toEqual(["pending"]);
  });

  it("puts Tasker's three UUIDs into a message", async () => {
    const correlationId = "11111111-2222-4333-8444-555555555555";
    const task = await createOne(database, "linear", { correlationId });
    const [row] = await database.query<{ readonly message: string }>(
      "test_message",
      "select message from pgmq.q_worker_math_queue where message ->> 'task_uuid' = $1",
      [task],
    );
    expect(JSON.parse(row?.message ?? "{}")).toEqual({
      task_uuid: task,
      step_uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      correlation_id: correlationId,
    });
  });

  it("creates a hundred tasks in one round trip", async () => {
    calls.length = 0;
    const created = await createTasks(
      database,
      Array.from({ length: 100 }, (_, index) => newTask(index % 2 === 0 ? "linear" : "diamond")),
    );
    expect(calls).toEqual(["create_tasks"]);
    expect(created.every(({ verdict }) => verdict === "created")).toBe(true);
    expect(new Set(created.map(({ taskUuid }) => taskUuid)).size).toBe(100);
  });

  it("answers in the order of the requests: created, duplicate, unknown", async () => {
    const same = newTask("linear");
    const first = await createTasks(database, [same]);
    const verdicts = await createTasks(database, [
      newTask("nowhere"),
      same,
      newTask("linear"),
      newTask("linear", { version: "9.9.9" }),
      newTask("linear", { namespace: "elsewhere" }),
    ]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual([
      "unknown_template",
      "duplicate",
      "created",
      "unknown_template",
      "unknown_template",
    ]);
    expect(verdicts[1]?.taskUuid).toBe(first[0]?.taskUuid);
  });

  it("makes one task of equal requests in one call, whatever the order of their members", async () => {
    const context = (text: string) => newTask("linear", { context: text });
    const verdicts = await createTasks(database, [
      context('{"x":1,"y":{"a":1.0,"b":[1,2]}}'),
      context('{ "y": {"b":[1,2], "a":1.0}, "x": 1 }'),
      context('{"x":1,"y":{"a":1.0,"b":[2,1]}}'),
    ]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["created", "duplicate", "created"]);
    expect(verdicts[1]?.taskUuid).toBe(verdicts[0]?.taskUuid);
  });

  it("compares idempotency keys where they are given", async () => {
    const keyed = (idempotencyKey: string) => newTask("linear", { idempotencyKey });
    const verdicts = await createTasks(database, [keyed("k1"), keyed("k1"), keyed("k2")]);
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["created", "duplicate", "created"]);
  });

  it("makes one task of equal requests from many connections at once", async () => {
    const requests = Array.from({ length: 20 }, () => newTask("linear"));
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => createTasks(database, n % 2 === 0 ? requests : requests.toReversed())),
    );
    const verdicts = answers.flat().map(({ verdict }) => verdict);
    expect(verdicts.filter((verdict) => verdict === "created")).toHaveLength(20);
    expect(verdicts.filter((verdict) => verdict === "duplicate")).toHaveLength(140);
  });

  it("takes the newest version by its numbers", async () => {
    await register(database, "versioned", { old: {} }, { version: "1.9.0" });
    await register(database, "versioned", { young: {} }, { version: "1.10.0" });
    expect(Object.keys(await stepStates(database, await createOne(database, "versioned")))).toEqual(["young"]);
    const asked = await createOne(database, "versioned", { version: "1.9.0" });
    expect(Object.keys(await stepStates(database, asked))).toEqual(["old"]);
  });

  it("completes a task without steps at once", async () => {
    const task = await createOne(database, "empty");
    expect(await taskHistory(database, task)).toEqual(["pending", "initializing", "complete"]);
    const [row] = await database.query<{ readonly complete: boolean }>(
      "test_complete",
      "select complete and completed_at is not null as complete from tasker.tasks where task_uuid = $1",
      [task],
    );
    expect(row?.complete).toBe(true);
  });

  it("keeps integers beyond 2^53, fractions and unicode of a context", async () => {
    const context = '{"big":12345678901234567890,"small":0.10000000000000000001,"text":"\\u2028 Ünïcödé 🚀"}';
    const task = await createOne(database, "linear", { context });
    const [row] = await database.query<{ readonly context: string }>(
      "test_context",
      "select context from tasker.tasks where task_uuid = $1",
      [task],
    );
    expect(row?.context).toBe(
      '{"big": 12345678901234567890, "text": "\u2028 Ünïcödé 🚀", "small": 0.10000000000000000001}',
    );
  });

  describe("starts with the steps that Tasker would start with", () => {
    it("without a decision: all but batch workers and deferred convergence", async () => {
      await register(database, "batched", {
        analyze: { type: "batchable" },
        worker: { type: "batch_worker", after: ["analyze"] },
        aggregate: { type: "deferred_convergence", after: ["worker"] },
        beside: { after: ["analyze"] },
      });
      expect(Object.keys(await stepStates(database, await createOne(database, "batched"))).sort()).toEqual([
        "analyze",
        "beside",
      ]);
    });

    it("with a decision: nothing that stands behind it", async () => {
      await register(database, "approval", {
        validate: {},
        route: { type: "decision", after: ["validate"] },
        automatic: { after: ["route"] },
        manager: { after: ["route"] },
        finish: { type: "deferred_convergence", after: ["automatic", "manager"] },
        log: { after: ["validate"] },
      });
      expect(Object.keys(await stepStates(database, await createOne(database, "approval"))).sort()).toEqual([
        "log",
        "route",
        "validate",
      ]);
    });
  });

  it("gives a step what its template says of retries and initial inputs", async () => {
    await register(database, "configured", {
      only: {
        retry: { retryable: false, max_attempts: 7 },
        more: { handler: { callable: "x", initialization: { limit: 17 } } },
      },
    });
    const task = await createOne(database, "configured");
    const [step] = await database.query(
      "test_step",
      "select retryable, max_attempts, attempts, inputs from tasker.workflow_steps where task_uuid = $1",
      [task],
    );
    expect(step).toEqual({ retryable: false, max_attempts: 7, attempts: 0, inputs: '{"limit": 17}' });
  });

  it("registers a template once, and tells a change from a repetition", async () => {
    const template = (description: string, step: string) => ({
      namespace: "templates",
      name: "t",
      version: "1.0.0",
      description,
      configurationJson: JSON.stringify({ steps: [{ name: step }] }),
    });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => registerTemplate(database, TEST_ACTOR, template("first", "s"))),
    );
    expect(new Set(answers.map(({ namedTaskUuid }) => namedTaskUuid)).size).toBe(1);
    expect(answers.filter(({ changed }) => changed)).toHaveLength(1);
    expect((await registerTemplate(database, TEST_ACTOR, template("first", "s"))).changed).toBe(false);
    expect((await registerTemplate(database, TEST_ACTOR, template("first", "other"))).changed).toBe(true);
    expect(await queueLength(database, "templates")).toBe(0);
    const audited = await database.query(
      "test_audited",
      `select actor_name, subject - 'configuration_sha256' as subject from tasker_host.audit_entries
        where action = 'template.registered' and namespace = 'templates'`,
    );
    // One for each change, and none for what was there.
    expect(audited).toHaveLength(2);
    expect(audited[0]).toMatchObject({ actor_name: TEST_ACTOR.name });
  });
});
