import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { createLogger } from "../../src/core/logger.ts";
import { Metrics } from "../../src/host/observability/metrics.ts";
import { absentDatabase } from "./support/absent-database.ts";
import { testApp } from "./support/test-app.ts";

const database = absentDatabase();
afterAll(() => database.close());

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server does not listen on a port");
  return address.port;
}

const JSON_TYPE = { "content-type": "application/json" };
const UUID = "0199f0e2-0000-7000-8000-000000000009";

describe("while the database is away", () => {
  it.each([
    ["GET", "/v1/tasks"],
    ["GET", `/v1/tasks/${UUID}`],
    ["GET", `/v1/tasks/${UUID}/workflow_steps`],
  ])("%s %s answers 503 and when to try again", async (method, path) => {
    const { app } = testApp({ database });
    const response = await app.request(path, { method });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await response.json()).toMatchObject({
      error: { code: "SERVICE_UNAVAILABLE", tsk_code: "TSK_DATABASE_UNREACHABLE", retry_after_seconds: 2 },
    });
  });

  it("says nothing of addresses, users, passwords, statements or stacks, but logs the cause", async () => {
    const lines: string[] = [];
    const logger = createLogger({ level: "info", destination: { write: (line) => lines.push(line) } });
    const { app } = testApp({ database, logger });
    const response = await app.request("/v1/tasks", { headers: { "x-request-id": "look-me-up" } });
    const text = await response.text();
    for (const secret of [
      "127.0.0.1",
      "somebody",
      "secret-password",
      "absent",
      "select",
      "    at ",
      ".ts",
      "ECONN",
      "list_tasks",
    ]) {
      expect(text).not.toContain(secret);
    }
    expect(lines.join("")).toContain("ECONNREFUSED");
    expect(lines.join("")).toContain("look-me-up");
    expect(lines.join("")).not.toContain("secret-password");
  });

  it("the host is alive, and not ready", async () => {
    const { app } = testApp({ database });
    expect((await app.request("/health")).status).toBe(200);
    expect((await app.request("/health/live")).status).toBe(200);
    const ready = await app.request("/health/ready");
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      status: "not_ready",
      checks: { database: { status: "unhealthy" }, command_processor: { status: "healthy" } },
    });
  });

  it("a database that says nothing does not keep a readiness probe waiting", async () => {
    await using silent = createServer((socket) => socket.resume().on("error", () => undefined)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    await using hanging = absentDatabase(portOf(silent));
    // Two seconds are over at once, thirty never.
    const clock: Clock = {
      now: () => 0,
      monotonicMs: () => 0,
      wait: (ms) => (ms <= 2_000 ? Promise.resolve() : new Promise(() => undefined)),
    };
    const response = await testApp({ database: hanging, clock }).app.request("/health/ready");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ checks: { database: { status: "unhealthy" } } });
  });
});

describe("while the host is not in normal operation", () => {
  it.each(["startup", "graceful_shutdown", "stopped"] as const)("%s: /v1 answers 503, health stays", async (state) => {
    const { app, host } = testApp({ database });
    host.currentState = state;
    const refused = await app.request("/v1/tasks", { method: "POST", headers: JSON_TYPE, body: "{}" });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(await refused.json()).toMatchObject({
      error: { tsk_code: "TSK_REQUEST_HOST_NOT_SERVING", found: `the host is in state "${state}"` },
    });
    expect((await app.request("/health/live")).status).toBe(200);
    expect((await app.request("/health/ready")).status).toBe(503);
    expect((await app.request("/status")).status).toBe(200);
  });
});

describe("every answer", () => {
  it("carries the caller's request id", async () => {
    const { app } = testApp({ database });
    for (const path of ["/health", "/nowhere", "/v1/tasks/x"]) {
      const response = await app.request(path, { headers: { "x-request-id": "abc-123" } });
      expect(response.headers.get("x-request-id")).toBe("abc-123");
    }
  });

  it.each(["", "a b", "x".repeat(129), 'a"b', "é"])("carries an id of our own instead of %j", async (given) => {
    const { app } = testApp({ database });
    const response = await app.request("/health", { headers: { "x-request-id": given } });
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("allows no other origin unless configured", async () => {
    const headers = { origin: "https://elsewhere.example" };
    const closed = await testApp({ database }).app.request("/health", { headers });
    expect(closed.headers.get("access-control-allow-origin")).toBeNull();
    const { app } = testApp({ database }, { corsOrigins: ["*"] });
    const open = await app.request("/health", { headers });
    expect(open.headers.get("access-control-allow-origin")).toBe("*");
    expect(open.headers.get("access-control-allow-credentials")).toBeNull();
    const preflight = await app.request("/v1/tasks", {
      method: "OPTIONS",
      headers: { ...headers, "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
  });
});

describe("what is wrong with a request", () => {
  it.each([
    ["/nowhere", 404, "TSK_REQUEST_ROUTE_UNKNOWN"],
    ["/v1/tasks/", 404, "TSK_REQUEST_ROUTE_UNKNOWN"],
    ["/v1/tasks/not-a-uuid", 400, "TSK_REQUEST_UUID_INVALID"],
    ["/%zz%00", 404, "TSK_REQUEST_ROUTE_UNKNOWN"],
    ["/v1/tasks/%zz", 400, "TSK_REQUEST_UUID_INVALID"],
    ["/v1/tasks/..%2f..%2fetc%2fpasswd", 400, "TSK_REQUEST_UUID_INVALID"],
    [`/v1/tasks/${UUID}'--/workflow_steps`, 400, "TSK_REQUEST_UUID_INVALID"],
    ["/v1/tasks?page=0", 400, "TSK_REQUEST_INVALID"],
    ["/v1/tasks?page=1e3", 400, "TSK_REQUEST_INVALID"],
    ["/v1/tasks?page=99999999", 400, "TSK_REQUEST_INVALID"],
    ["/v1/tasks?per_page=101", 400, "TSK_REQUEST_INVALID"],
    ["/v1/tasks?status=done", 400, "TSK_REQUEST_INVALID"],
    ["/v1/tasks?namespace=A'%20or%201=1", 400, "TSK_REQUEST_INVALID"],
    ["/v1/tasks?nmespace=flows", 400, "TSK_REQUEST_INVALID"],
  ])("%s answers %i %s with a remedy", async (path, status, code) => {
    const response = await testApp({ database }).app.request(path);
    expect(response.status).toBe(status);
    const body: unknown = await response.json();
    expect(body).toMatchObject({ error: { tsk_code: code, remedy: expect.any(String), found: expect.any(String) } });
  });

  it("Tasker's own words stand for a bad UUID and bad JSON", async () => {
    const { app } = testApp({ database });
    const uuid = await app.request("/v1/tasks/x");
    expect(await uuid.json()).toMatchObject({ error: { code: "INVALID_UUID" } });
    const json = await app.request("/v1/tasks", { method: "POST", headers: JSON_TYPE, body: "{" });
    expect(await json.json()).toMatchObject({ error: { code: "JSON_ERROR" } });
  });

  it.each(["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json"])(
    "a body of type %j is refused: pages of other origins may send it",
    async (type) => {
      const request = { method: "POST", headers: { "content-type": type }, body: "{}" };
      const response = await testApp({ database }).app.request("/v1/tasks", request);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: { tsk_code: "TSK_REQUEST_INVALID", accepted: '"application/json"' },
      });
    },
  );

  it("bytes that are not UTF-8 are refused, not replaced", async () => {
    const body = Buffer.concat([Buffer.from('{"context":{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}}')]);
    const response = await testApp({ database }).app.request("/v1/tasks", { method: "POST", headers: JSON_TYPE, body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { found: "bytes that are not UTF-8" } });
  });
});

describe("GET /metrics", () => {
  it("renders what the host counted", async () => {
    const metrics = new Metrics();
    metrics.stepsClaimed.inc({ namespace: "flows" }, 2);
    const response = await testApp({ database, metrics }).app.request("/metrics");
    expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    expect(await response.text()).toContain('tasker_steps_claimed_total{namespace="flows"} 2');
  });

  it("does not exist where metrics are not collected", async () => {
    expect((await testApp({ database }).app.request("/metrics")).status).toBe(404);
  });
});

it("GET /status shows what runs and what is wrong", async () => {
  const response = await testApp({ database }).app.request("/status");
  expect(await response.json()).toMatchObject({
    state: "normal",
    namespaces: [{ namespace: "flows", slots: 4, active: 1, queue_depth: 7, steps_per_second: 12.5, slow: false }],
    sandbox: { isolation: "inline", walls: [{ wall: "own uid", stands: false }] },
    components: [{ callables: ["square"], digest: "ab".repeat(32) }],
    problems: [{ code: "TSK_TEMPLATE_INVALID" }, { code: "TSK_COMPONENT_UNKNOWN" }],
    database: { server_version: "18.4", pool: { size: 3 } },
  });
});
