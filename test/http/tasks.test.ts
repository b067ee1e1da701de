import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Database } from "../../src/host/database/connection.ts";
import { registerTemplate } from "../../src/host/database/templates.ts";
import type { App } from "../../src/host/http/document-route.ts";
import { StepResponseSchema, TaskListResponseSchema, TaskResponseSchema } from "../../src/host/http/schemas/tasks.ts";
import { type TestDatabase, testDatabase, testServerNames } from "../support/database.ts";
import { testApp } from "./support/test-app.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";

let postgres: TestDatabase;
let database: Database;
let app: App;
const roundTrips: string[] = [];

/** Steps are given as name → dependencies. */
async function register(
  namespace: string,
  name: string,
  version: string,
  dag: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const steps = Object.entries(dag).map(([step, dependencies]) => ({
    name: step,
    dependencies,
    handler: { callable: step },
  }));
  const configurationJson = JSON.stringify({ name, namespace_name: namespace, version, steps });
  await registerTemplate(database, TEST_ACTOR, { namespace, name, version, description: undefined, configurationJson });
}

/** A request for a diamond with members (JSON text) over the usual ones. */
function requestText(members: Readonly<Record<string, string>>): string {
  const all = {
    namespace: '"flows"',
    name: '"diamond"',
    version: '"1.0.0"',
    context: "{}",
    initiator: '"a test"',
    source_system: '"vitest"',
    reason: '"to see"',
    ...members,
  };
  return `{${Object.entries(all)
    .filter(([, text]) => text !== "")
    .map(([key, text]) => `"${key}":${text}`)
    .join(",")}}`;
}

async function post(members: Readonly<Record<string, string>>): Promise<Response> {
  const headers = { "content-type": "application/json; charset=utf-8" };
  return app.request("/v1/tasks", { method: "POST", headers, body: requestText(members) });
}

async function submitted(members: Readonly<Record<string, string>>): Promise<z.infer<typeof TaskResponseSchema>> {
  const response = await post(members);
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status: 201 });
  return TaskResponseSchema.parse(JSON.parse(text));
}

async function get(path: string): Promise<string> {
  const response = await app.request(path);
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status: 200 });
  return text;
}

/** The list of one initiator's tasks, held against its schema. */
async function listed(query: string): Promise<z.infer<typeof TaskListResponseSchema>> {
  const body: unknown = JSON.parse(await get(`/v1/tasks?initiator=lister${query}`));
  const parsed = TaskListResponseSchema.parse(body);
  expect(parsed).toEqual(body);
  return parsed;
}

describe.each(testServerNames())("on the server %s", (server) => {
  beforeAll(async () => {
    postgres = await testDatabase({ server });
    database = postgres.open({ onRoundTrip: (name) => roundTrips.push(name) });
    ({ app } = testApp({ database }));
    await register("flows", "diamond", "1.0.0", {
      start: [],
      left: ["start"],
      right: ["start"],
      end: ["left", "right"],
    });
    await register("flows", "diamond", "1.10.0", { only: [] });
    await register("flows", "diamond", "1.9.0", { only: [] });
    await register("flows", "empty", "1.0.0", {});
    await register("other", "single", "1.0.0", { only: [] });
  });

  afterAll(() => postgres.close());

  describe("POST /v1/tasks", () => {
    it("answers 201 with the task as GET shows it, and where it is", async () => {
      const response = await post({ context: '{"run":"created"}', tags: '["red"]', priority: "5" });
      expect(response.status).toBe(201);
      const task = TaskResponseSchema.parse(await response.json());
      expect(response.headers.get("location")).toBe(`/v1/tasks/${task.task_uuid}`);
      expect(task).toMatchObject({
        name: "diamond",
        namespace: "flows",
        version: "1.0.0",
        status: "steps_in_process",
        completed_at: null,
        context: { run: "created" },
        initiator: "a test",
        source_system: "vitest",
        reason: "to see",
        priority: 5,
        tags: ["red"],
        parent_correlation_id: null,
        total_steps: 4,
        execution_status: "processing",
        health_status: "healthy",
      });
      expect(task.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      expect(TaskResponseSchema.parse(JSON.parse(await get(`/v1/tasks/${task.task_uuid}`)))).toEqual(task);
      expect(task.steps.map(({ name }) => name)).toEqual(["start", "left", "right", "end"]);
    });

    it("keeps integers beyond 2^53, fractions and unicode", async () => {
      // As jsonb orders and spaces its members: shorter keys first.
      const context = '{"big": 12345678901234567890, "text": "naïve 漢字 🎉 \\"\\\\", "fraction": 0.10}';
      const task = await submitted({ context });
      expect(await get(`/v1/tasks/${task.task_uuid}`)).toContain(`"context":${context}`);
    });

    it("takes the newest version by its numbers where none is named", async () => {
      expect(await submitted({ version: "", context: '{"run":"newest"}' })).toMatchObject({ version: "1.10.0" });
    });

    it("ends a task without steps at once", async () => {
      expect(await submitted({ name: '"empty"', context: '{"run":"empty"}' })).toMatchObject({
        status: "complete",
        total_steps: 0,
      });
    });

    it("keeps the caller's correlation ids", async () => {
      const own = "0199f0e2-0000-7000-8000-0000000000cc";
      const parent = "0199f0e2-0000-7000-8000-0000000000dd";
      const members = {
        correlation_id: `"${own}"`,
        parent_correlation_id: `"${parent}"`,
        context: '{"run":"correlated"}',
      };
      expect(await submitted(members)).toMatchObject({ correlation_id: own, parent_correlation_id: parent });
    });

    it("answers a duplicate with 409 and the existing task, whatever the order of its members", async () => {
      const first = await submitted({ context: '{"run":"twice","n":1}' });
      const second = await post({ context: '{"n":1,"run":"twice"}' });
      expect(second.status).toBe(409);
      expect(await second.json()).toMatchObject({
        error: { code: "CONFLICT", tsk_code: "TSK_TASK_DUPLICATE", details: { task_uuid: first.task_uuid } },
      });
    });

    it("compares idempotency keys instead of contexts where one is given", async () => {
      const first = await submitted({ context: '{"run":"key-1"}', idempotency_key: '"order-1"' });
      const second = await post({ context: '{"run":"key-2"}', idempotency_key: '"order-1"' });
      expect(await second.json()).toMatchObject({
        error: { found: expect.stringContaining("idempotency key"), details: { task_uuid: first.task_uuid } },
      });
      await submitted({ context: '{"run":"key-1"}', idempotency_key: '"order-2"' });
    });

    it("creates one task of twenty submissions at once", async () => {
      const responses = await Promise.all(Array.from({ length: 20 }, () => post({ context: '{"run":"at once"}' })));
      const created = responses.filter(({ status }) => status === 201);
      expect(created).toHaveLength(1);
      const { task_uuid: winner } = TaskResponseSchema.parse(await created[0]?.json());
      for (const response of responses.filter(({ status }) => status !== 201)) {
        expect(response.status).toBe(409);
        expect(await response.json()).toMatchObject({ error: { details: { task_uuid: winner } } });
      }
    });

    it("names the nearest template where there is none of the name", async () => {
      const response = await post({ name: '"diamnod"' });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({
        error: {
          tsk_code: "TSK_TASK_TEMPLATE_UNKNOWN",
          found: 'no such template is registered, did you mean "flows/diamond"',
          accepted: '"flows/diamond", "flows/empty"',
          details: { nearest: "flows/diamond" },
        },
      });
    });

    it("names the registered versions where there is none of the number", async () => {
      const response = await post({ version: '"2.0.0"' });
      expect(await response.json()).toMatchObject({
        error: { found: "no such version is registered", accepted: expect.stringContaining('"1.10.0"') },
      });
    });

    it("creates in one round trip and reads in another", async () => {
      roundTrips.length = 0;
      await submitted({ context: '{"run":"counted"}' });
      expect(roundTrips).toEqual(["create_tasks", "read_task"]);
    });
  });

  describe("GET /v1/tasks", () => {
    const initiator = '"lister"';

    beforeAll(async () => {
      for (const run of [1, 2, 3]) await submitted({ initiator, context: `{"list":${run}}` });
      await submitted({
        initiator,
        namespace: '"other"',
        name: '"single"',
        source_system: '"elsewhere"',
        context: '{"list":4}',
      });
      await submitted({ initiator, name: '"empty"', context: '{"list":5}' });
    });

    it("lists the newest first, page by page", async () => {
      const first = await listed("&per_page=2");
      expect(first.tasks.map(({ context }) => context?.["list"])).toEqual([5, 4]);
      expect(first.pagination).toEqual({
        page: 1,
        per_page: 2,
        total_count: 5,
        total_pages: 3,
        has_next: true,
        has_previous: false,
      });
      const last = await listed("&per_page=2&page=3");
      expect(last.tasks.map(({ context }) => context?.["list"])).toEqual([1]);
      expect(last.pagination).toMatchObject({ has_next: false, has_previous: true });
    });

    it("still counts where the page is beyond the last", async () => {
      expect(await listed("&page=9")).toEqual({
        tasks: [],
        pagination: { page: 9, per_page: 25, total_count: 5, total_pages: 1, has_next: false, has_previous: true },
      });
    });

    it.each([
      ["&namespace=other", [4]],
      ["&status=complete", [5]],
      ["&status=steps_in_process&namespace=flows", [3, 2, 1]],
      ["&source_system=elsewhere", [4]],
      ["&source_system=%27%20or%201=1%20--", []],
    ])("filters by %s", async (query, expected) => {
      const { tasks } = await listed(query);
      expect(tasks.map(({ context }) => context?.["list"])).toEqual(expected);
    });

    it("takes one round trip, and no steps", async () => {
      roundTrips.length = 0;
      const { tasks } = await listed("");
      expect(roundTrips).toEqual(["list_tasks"]);
      expect(tasks[0]).toMatchObject({ total_steps: 0, steps: [] });
      expect(tasks[4]).toMatchObject({ total_steps: 4, steps: [] });
    });
  });

  it("GET /v1/tasks/{uuid} counts a transition as an update, though it leaves the task's own row alone", async () => {
    const task = await submitted({ context: '{"run":"moved on"}' });
    await database.query(
      "move_on",
      `update tasker.task_transitions set created_at = created_at + interval '1 hour' where task_uuid = $1 and most_recent`,
      [task.task_uuid],
    );
    const later = TaskResponseSchema.parse(JSON.parse(await get(`/v1/tasks/${task.task_uuid}`)));
    expect(Date.parse(later.updated_at) - Date.parse(task.created_at)).toBeGreaterThanOrEqual(3_600_000);
  });

  describe("GET /v1/tasks/{uuid}/workflow_steps", () => {
    it("shows each step with its results as they are stored, and what it depends on", async () => {
      const task = await submitted({ context: '{"run":"steps"}' });
      const results = '{"result": {"value": 12345678901234567890}, "success": true}';
      await database.query(
        "store_results",
        `update tasker.workflow_steps set results = $2::jsonb
        where task_uuid = $1
          and named_step_uuid = (select named_step_uuid from tasker.named_steps where name = 'start')`,
        [task.task_uuid, results],
      );
      const text = await get(`/v1/tasks/${task.task_uuid}/workflow_steps`);
      expect(text).toContain(`"results":${results}`);
      const steps = z.array(StepResponseSchema).parse(JSON.parse(text));
      expect(steps).toEqual(JSON.parse(text));
      expect(steps.map(({ name }) => name)).toEqual(["start", "left", "right", "end"]);
      expect(Object.fromEntries(steps.map((step) => [step.name, [step.current_state, step.depends_on]]))).toEqual({
        start: ["enqueued", []],
        left: ["pending", ["start"]],
        right: ["pending", ["start"]],
        end: ["pending", ["left", "right"]],
      });
      expect(steps.find(({ name }) => name === "end")).toMatchObject({
        dependencies_satisfied: false,
        total_parents: 2,
        completed_parents: 0,
        attempts: 0,
        max_attempts: 3,
        results: null,
      });
    });

    it("is empty for a task without steps, in one round trip", async () => {
      const task = await submitted({ name: '"empty"', context: '{"run":"no steps"}' });
      roundTrips.length = 0;
      expect(await get(`/v1/tasks/${task.task_uuid}/workflow_steps`)).toBe("[]");
      expect(roundTrips).toEqual(["read_steps"]);
    });

    it.each(["", "/workflow_steps"])("answers 404 for a task that is not there (%j)", async (path) => {
      const response = await app.request(`/v1/tasks/0199f0e2-0000-7000-8000-0000000000ff${path}`);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: "NOT_FOUND", tsk_code: "TSK_TASK_NOT_FOUND" } });
    });
  });

  it("GET /health/ready is green while the database answers", async () => {
    expect(JSON.parse(await get("/health/ready"))).toMatchObject({
      status: "ready",
      checks: { database: { status: "healthy" } },
      system_info: { supported_namespaces: ["flows"], pool_utilization: 0.25 },
    });
  });
});
