import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import type { ClaimedStep } from "../../src/host/database/steps.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import { clear } from "./support/clear.ts";
import {
  brokenInvariants,
  claim,
  claimOne,
  createOne,
  drain,
  register,
  report,
  session,
  stepStates,
  success,
  taskState,
} from "./support/workflow.ts";

const APPROVAL = {
  validate: {},
  route: { type: "decision", after: ["validate"] },
  automatic: { after: ["route"] },
  manager: { after: ["route"] },
  finance: { after: ["route"] },
  finish: { type: "deferred_convergence", after: ["automatic", "manager", "finance"] },
  notify: { after: ["finish"] },
};

const BATCHES = {
  analyze: {
    type: "batchable",
    more: { handler: { callable: "analyze", initialization: { worker_template_name: "worker" } } },
  },
  worker: {
    type: "batch_worker",
    after: ["analyze"],
    more: {
      handler: { callable: "work", initialization: { rate: 2 } },
      batch_config: { cursor_field: "row", failure_strategy: "isolate" },
    },
  },
  aggregate: { type: "deferred_convergence", after: ["worker"] },
  publish: { after: ["aggregate"] },
};

describe.each(testServerNames())("tasks that grow on %s", (server) => {
  let test: TestDatabase;
  let database: Database;
  let host: string;

  beforeAll(async () => {
    test = await testDatabase({ server });
    database = test.open();
  });
  afterAll(() => test.close());

  beforeEach(async () => {
    await clear(database);
    host = await session(database);
  });
  afterEach(async () => {
    expect(await brokenInvariants(database)).toEqual([]);
  });

  const complete = async (step: ClaimedStep, result: unknown): Promise<void> => {
    expect(await report(database, host, [success(step, JSON.stringify(result))])).toMatchObject([
      { verdict: "recorded" },
    ]);
  };
  const decide = (outcome: unknown): unknown => ({ decision_point_outcome: outcome });
  const untilDecision = async (): Promise<{ task: string; route: ClaimedStep }> => {
    await register(database, "approval", APPROVAL);
    const task = await createOne(database, "approval");
    await complete(await claimOne(database, host), {});
    return { task, route: await claimOne(database, host) };
  };

  describe("by a decision", () => {
    it.each([
      [["automatic"], ["automatic", "finish", "notify"]],
      [
        ["manager", "finance"],
        ["finance", "finish", "manager", "notify"],
      ],
    ])("create %j and what converges them", async (names, created) => {
      const { task, route } = await untilDecision();
      expect(Object.keys(await stepStates(database, task)).sort()).toEqual(["route", "validate"]);
      await complete(route, decide({ type: "create_steps", step_names: names }));
      const states = await stepStates(database, task);
      expect(Object.keys(states).sort()).toEqual([...created, "route", "validate"].sort());
      expect(names.map((name) => states[name])).toEqual(names.map(() => "enqueued"));
      expect([states["finish"], states["notify"]]).toEqual(["pending", "pending"]);
      expect(await drain(database, host)).toBe(created.length);
      expect(await taskState(database, task)).toBe("complete");
    });

    it("complete without branches", async () => {
      const { task, route } = await untilDecision();
      await complete(route, decide({ type: "no_branches" }));
      expect(await taskState(database, task)).toBe("complete");
      expect(Object.keys(await stepStates(database, task))).toHaveLength(2);
    });

    it("follow a branch to the next decision, and no further", async () => {
      await register(database, "nested", {
        first: { type: "decision" },
        left: { after: ["first"] },
        second: { type: "decision", after: ["left"] },
        deep: { after: ["second"] },
        right: { after: ["first"] },
      });
      const task = await createOne(database, "nested");
      await complete(await claimOne(database, host), decide({ type: "create_steps", step_names: ["left"] }));
      expect(Object.keys(await stepStates(database, task)).sort()).toEqual(["first", "left", "second"]);
      await complete(await claimOne(database, host), {});
      await complete(await claimOne(database, host), decide({ type: "create_steps", step_names: ["deep"] }));
      expect(await drain(database, host)).toBe(1);
      expect(await taskState(database, task)).toBe("complete");
    });

    it.each([
      ["a step that does not exist", { type: "create_steps", step_names: ["nobody"] }, /"nobody"/],
      ["a step before the decision", { type: "create_steps", step_names: ["validate"] }, /"validate"/],
      ["no steps", { type: "create_steps", step_names: [] }, /0 steps/],
      ["something else", { type: "maybe" }, /neither no_branches nor create_steps/],
    ])("fail where it asks for %s, and block the task", async (_, outcome, message) => {
      const { task, route } = await untilDecision();
      const [verdict] = await report(database, host, [success(route, JSON.stringify(decide(outcome)))]);
      expect(verdict).toMatchObject({ verdict: "refused", message: expect.stringMatching(message) });
      expect((await stepStates(database, task))["route"]).toBe("error");
      expect(await taskState(database, task)).toBe("blocked_by_failures");
      const rows = await database.query(
        "test_code",
        "select results #>> '{metadata,error_code}' as code from tasker.workflow_steps where workflow_step_uuid = $1",
        [route.stepUuid],
      );
      expect(rows).toEqual([{ code: "TSK_STEP_OUTCOME_INVALID" }]);
    });

    it("take no notice of an outcome that a standard step returns", async () => {
      await register(database, "plain", { only: {} });
      const task = await createOne(database, "plain");
      await complete(await claimOne(database, host), decide({ type: "create_steps", step_names: ["x"] }));
      expect(await taskState(database, task)).toBe("complete");
    });
  });

  describe("by batches", () => {
    const analyzed = async (outcome: unknown): Promise<string> => {
      await register(database, "batches", BATCHES);
      const task = await createOne(database, "batches");
      expect(await stepStates(database, task)).toEqual({ analyze: "enqueued" });
      await complete(await claimOne(database, host), { batch_processing_outcome: outcome });
      return task;
    };
    const cursor = (id: string, start: number) => ({
      batch_id: id,
      start_cursor: start,
      end_cursor: start + 200,
      batch_size: 200,
    });

    it("create a worker a batch with its cursor, and what converges them", async () => {
      const task = await analyzed({
        type: "create_batches",
        worker_template_name: "worker",
        worker_count: 3,
        cursor_configs: [cursor("001", 0), cursor("002", 200), cursor("003", 400)],
        total_items: 600,
      });
      expect(await stepStates(database, task)).toEqual({
        analyze: "complete",
        worker_001: "enqueued",
        worker_002: "enqueued",
        worker_003: "enqueued",
        aggregate: "pending",
        publish: "pending",
      });
      const workers = await claim(database, host);
      const [worker] = workers.filter(({ stepName }) => stepName === "worker_002");
      expect(worker).toMatchObject({ templateStepName: "worker", callable: "work" });
      expect(JSON.parse(worker?.inputsJson ?? "")).toEqual({
        rate: 2,
        cursor: cursor("002", 200),
        batch_metadata: { cursor_field: "row", failure_strategy: "isolate" },
        is_no_op: false,
        __template_step_name: "worker",
      });
      await report(
        database,
        host,
        workers.map((step) => success(step)),
      );
      const aggregate = await claimOne(database, host);
      expect(aggregate.stepName).toBe("aggregate");
      expect(aggregate.dependencyResults.map(({ stepName }) => stepName).sort()).toEqual([
        "analyze",
        "worker_001",
        "worker_002",
        "worker_003",
      ]);
      await complete(aggregate, {});
      expect(await drain(database, host)).toBe(1);
      expect(await taskState(database, task)).toBe("complete");
    });

    it("run one placeholder where there is nothing to do", async () => {
      const task = await analyzed({ type: "no_batches" });
      const placeholder = await claimOne(database, host);
      expect(placeholder.stepName).toBe("worker_000");
      expect(JSON.parse(placeholder.inputsJson)).toMatchObject({ is_no_op: true, cursor: { batch_id: "000" } });
      await complete(placeholder, {});
      expect(await drain(database, host)).toBe(2);
      expect(await taskState(database, task)).toBe("complete");
    });

    it.each([
      [{ type: "create_batches", worker_template_name: "publish", cursor_configs: [cursor("1", 0)] }, /"publish"/],
      [{ type: "create_batches", worker_template_name: "worker", cursor_configs: [] }, /cursor_configs/],
      [
        { type: "create_batches", worker_template_name: "worker", cursor_configs: [cursor("1", 0), cursor("1", 1)] },
        /batch_id/,
      ],
      [{ type: "later" }, /neither no_batches nor create_batches/],
    ])("fail where they cannot be: %j", async (outcome, message) => {
      await register(database, "batches", BATCHES);
      const task = await createOne(database, "batches");
      const step = await claimOne(database, host);
      const result = JSON.stringify({ batch_processing_outcome: outcome });
      expect(await report(database, host, [success(step, result)])).toMatchObject([
        { verdict: "refused", message: expect.stringMatching(message) },
      ]);
      expect(await taskState(database, task)).toBe("blocked_by_failures");
    });
  });
});
