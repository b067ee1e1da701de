/** Tasks of other namespaces are not there: not in lists, not by UUID, not in the words of a refusal. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { registerTemplate } from "../../src/host/database/templates.ts";
import type { App } from "../../src/host/http/document-route.ts";
import { ErrorSchema } from "../../src/host/http/schemas/errors.ts";
import { ReadinessSchema, StatusSchema } from "../../src/host/http/schemas/host.ts";
import { TaskListResponseSchema, TaskResponseSchema } from "../../src/host/http/schemas/tasks.ts";
import { apiTokenVerifier } from "../../src/host/identity/api-token-verifier.ts";
import { type Authenticator, requiredAuthentication } from "../../src/host/identity/authenticator.ts";
import { Metrics } from "../../src/host/observability/metrics.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { bearer, tokenFor } from "./support/callers.ts";
import { testApp } from "./support/test-app.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";

const Problems = z.object({ problems: z.array(z.object({ subject: z.string() })) });

let postgres: TestDatabase;
let database: Database;
let authenticator: Authenticator;
let app: App;
/** Of all namespaces, of `secret`, of `flows`; and one who may do less. */
let everybody: string;
let insider: string;
let outsider: string;
let discreet: string;
let taskUuid: string;

beforeAll(async () => {
  postgres = await testDatabase();
  database = postgres.open();
  const apiToken = apiTokenVerifier({ database, clock: systemClock, logger: silentLogger });
  authenticator = requiredAuthentication({ apiToken, jwt: undefined });
  ({ app } = testApp({ database, authenticator }));
  for (const namespace of ["flows", "secret"]) {
    const configurationJson = JSON.stringify({
      name: "plain",
      namespace_name: namespace,
      version: "1.0.0",
      steps: [{ name: "only", handler: { callable: "only" } }],
    });
    const identity = { namespace, name: "plain", version: "1.0.0" };
    await registerTemplate(database, TEST_ACTOR, { ...identity, description: undefined, configurationJson });
  }
  everybody = await tokenFor(database, { name: "everybody" });
  insider = await tokenFor(database, { name: "insider", namespaces: ["secret"] });
  outsider = await tokenFor(database, { name: "outsider", namespaces: ["flows"] });
  discreet = await tokenFor(database, { name: "discreet", permissions: ["tasks:create", "tasks:read", "tasks:list"] });
  const created = await submit(insider, "secret");
  taskUuid = TaskResponseSchema.parse(await created.json()).task_uuid;
});

afterAll(() => postgres.close());

function get(path: string, token: string): Promise<Response> {
  return Promise.resolve(app.request(path, { headers: bearer(token) }));
}

async function submit(token: string, namespace: string): Promise<Response> {
  const body = JSON.stringify({
    namespace,
    name: "plain",
    version: "1.0.0",
    context: { card: "4111", run: Math.random() },
    initiator: "a test",
    source_system: "vitest",
    reason: "to see",
  });
  return app.request("/v1/tasks", {
    method: "POST",
    headers: { ...bearer(token), "content-type": "application/json" },
    body,
  });
}

async function errorOf(response: Response) {
  return { status: response.status, ...ErrorSchema.parse(await response.json()).error };
}

describe("a caller of one namespace", () => {
  it("reads and lists its own tasks", async () => {
    expect((await get(`/v1/tasks/${taskUuid}`, insider)).status).toBe(200);
    expect((await get(`/v1/tasks/${taskUuid}/workflow_steps`, insider)).status).toBe(200);
    const list = TaskListResponseSchema.parse(await (await get("/v1/tasks", insider)).json());
    expect(list.tasks.map((task) => task.task_uuid)).toEqual([taskUuid]);
  });

  it.each(["", "/workflow_steps"])(
    "is told of a task of another namespace what it is told of none (%s)",
    async (rest) => {
      const unknown = "0199f0e2-0000-7000-8000-000000000001";
      const [foreign, absent] = [
        await errorOf(await get(`/v1/tasks/${taskUuid}${rest}`, outsider)),
        await errorOf(await get(`/v1/tasks/${unknown}${rest}`, outsider)),
      ];
      expect(foreign).toMatchObject({ status: 404, tsk_code: "TSK_TASK_NOT_FOUND" });
      expect({ ...foreign, message: foreign.message.replace(taskUuid, unknown), request_id: "" }).toEqual({
        ...absent,
        request_id: "",
      });
    },
  );

  it("lists nothing of other namespaces, and may not ask for them", async () => {
    const list = TaskListResponseSchema.parse(await (await get("/v1/tasks", outsider)).json());
    expect(list).toMatchObject({ tasks: [], pagination: { total_count: 0 } });
    for (const namespace of ["secret", "absent"]) {
      expect(await errorOf(await get(`/v1/tasks?namespace=${namespace}`, outsider))).toMatchObject({
        status: 403,
        tsk_code: "TSK_AUTH_NAMESPACE_FORBIDDEN",
      });
    }
  });

  it("submits nothing to other namespaces, and learns no names of theirs", async () => {
    for (const namespace of ["secret", "absent"]) {
      expect(await errorOf(await submit(outsider, namespace))).toMatchObject({
        status: 403,
        tsk_code: "TSK_AUTH_NAMESPACE_FORBIDDEN",
      });
    }
    const token = await tokenFor(database, { name: "newcomer", namespaces: ["flows", "empty"] });
    const unknown = await errorOf(await submit(token, "empty"));
    expect(unknown).toMatchObject({ status: 404, tsk_code: "TSK_TASK_TEMPLATE_UNKNOWN", accepted: '"flows/plain"' });
    expect(JSON.stringify(unknown)).not.toContain("secret");
    expect(JSON.stringify(await errorOf(await submit(everybody, "empty")))).toContain("secret/plain");
  });

  it("sees its own part of the host", async () => {
    const own = StatusSchema.parse(await (await get("/status", outsider)).json());
    expect(own.namespaces.map(({ namespace }) => namespace)).toEqual(["flows"]);
    expect(own.components.length).toBe(1);
    const other = StatusSchema.parse(await (await get("/status", insider)).json());
    expect(other).toMatchObject({ namespaces: [], components: [], templates: [], problems: [] });
  });

  it("is told nothing of other namespaces by the detailed health, neither names nor figures", async () => {
    const health = async (token: string): Promise<unknown> =>
      ReadinessSchema.parse(await (await get("/health/detailed", token)).json());
    expect(await health(outsider)).toMatchObject({
      system_info: { supported_namespaces: ["flows"], pool_utilization: 0.25 },
      checks: { queue_processing: { message: "1 namespaces, 7 messages waiting" } },
    });
    expect(await health(insider)).toMatchObject({
      system_info: { supported_namespaces: [], pool_utilization: 0 },
      checks: { queue_processing: { message: "0 namespaces, 0 messages waiting" } },
    });
  });

  it("does not read the metrics where they are not public: they are figures of all namespaces", async () => {
    const metrics = new Metrics();
    metrics.stepsClaimed.inc({ namespace: "secret" }, 2);
    const { app: closed } = testApp({ database, authenticator, metrics }, { metricsPublic: false });
    const ask = (token: string) => closed.request("/metrics", { headers: bearer(token) });
    const refused = await ask(outsider);
    expect(await errorOf(refused)).toMatchObject({
      status: 403,
      tsk_code: "TSK_AUTH_NAMESPACE_FORBIDDEN",
      accepted: "a token for all namespaces",
    });
    expect(await (await ask(everybody)).text()).toContain('namespace="secret"');
  });

  it("sees its own problems, and those of nobody else; what concerns all is for readers of all", async () => {
    const subjects = async (path: string, token: string): Promise<readonly string[]> => {
      const { problems } = Problems.parse(await (await get(path, token)).json());
      return problems.map(({ subject }) => subject);
    };
    for (const path of ["/status", "/health/detailed"]) {
      expect(await subjects(path, outsider)).toEqual(["flows/broken.yaml"]);
      expect(await subjects(path, insider)).toEqual([]);
      expect(await subjects(path, everybody)).toEqual(["flows/broken.yaml", "component abc"]);
    }
  });
});

describe("a caller without `tasks:context_read`", () => {
  it("sees tasks without their contexts", async () => {
    for (const path of ["/v1/tasks", `/v1/tasks/${taskUuid}`]) {
      const text = await (await get(path, discreet)).text();
      expect(text).toContain(taskUuid);
      expect(text).toContain('"context":null');
      expect(text).not.toContain("4111");
      expect(await (await get(path, everybody)).text()).toContain("4111");
    }
    const created = await submit(discreet, "flows");
    expect(TaskResponseSchema.parse(await created.json()).context).toBeNull();
  });
});
