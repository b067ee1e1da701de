import { afterAll, beforeAll, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { registerTemplate } from "../../src/host/database/templates.ts";
import { versionComponent } from "../registry/support/version-component.ts";
import type { TestDatabase } from "../support/database.ts";
import { run, startTestHost, submit, testDatabase } from "../support/host.ts";

/** Two hosts on one database; handlers answer with their own version. */
let test: TestDatabase;
let database: Database;
let one: Host;
let two: Host;

const STEPS = 20;
/** 2,000 steps. `TASKER_STREAM_TASKS` makes it longer. */
const TASKS = Number(process.env["TASKER_STREAM_TASKS"] ?? 100);

beforeAll(async () => {
  test = await testDatabase();
  database = test.open({ maxConnections: 6 });
  const settings = { "sandbox.isolation": "inline" };
  one = await startTestHost({ database: test, settings });
  two = await startTestHost({ database: test, settings });
});
afterAll(async () => {
  await one?.stop();
  await two?.stop();
  await test?.close();
});

async function template(namespace: string, steps: number, callable: string = "charge"): Promise<void> {
  const all = Array.from({ length: steps }, (_, index) => ({ name: `step_${index}`, handler: { callable } }));
  const configurationJson = JSON.stringify({ namespace_name: namespace, name: "all", version: "1.0.0", steps: all });
  await registerTemplate(database, {
    namespace,
    name: "all",
    version: "1.0.0",
    description: undefined,
    configurationJson,
  });
}

async function call(host: Host, method: string, path: string, body?: string): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(host.url + path, { method, headers, ...(body !== undefined && { body }) });
  const text = await response.text();
  return { status: response.status, ...(text === "" ? {} : (JSON.parse(text) as Record<string, unknown>)) };
}

async function upload(host: Host, namespace: string, version: string, given = {}, promote = true): Promise<string> {
  const body = await versionComponent({ name: "charge", version, callable: "charge", ...given });
  const path = `/v1/namespaces/${namespace}/handlers/charge/versions?version=${version}&promote=${promote}`;
  const headers = { "content-type": "application/wasm" };
  const response = await fetch(host.url + path, { method: "POST", headers, body });
  const answer = (await response.json()) as { digest?: string };
  if (response.status !== 201 || answer.digest === undefined) throw new Error(JSON.stringify(answer));
  return answer.digest;
}

const handler = (namespace: string): string => `/v1/namespaces/${namespace}/handlers/charge`;

it("an upload to one host runs on the other within two seconds, also in a namespace that is new to both", async () => {
  await template("fresh", 1);
  const before = performance.now();
  await upload(one, "fresh", "1.0.0");
  await expect
    .poll(() => two.view.namespaces().map(({ namespace }) => namespace), { timeout: 2_000, interval: 20 })
    .toContain("fresh");
  await one.stop();
  const { status, steps } = await run(two, test, "fresh/all", "{}");
  expect(status).toBe("complete");
  expect(steps.get("step_0")?.results?.result).toEqual({ version: "1.0.0" });
  expect(performance.now() - before).toBeLessThan(30_000);
  one = await startTestHost({ database: test, settings: { "sandbox.isolation": "inline" } });
});

it("promotions and roll backs during a stream of steps lose none, and each result names what really ran", async () => {
  await template("stream", STEPS);
  const digests = new Map<string, string>();
  for (const version of ["1.0.0", "1.1.0", "1.2.0"]) {
    digests.set(version, await upload(one, "stream", version, {}, version === "1.0.0"));
  }
  const changes = ["versions/1.1.0/promote", "rollback", "versions/1.2.0/promote", "rollback"];
  const submitted: string[] = [];
  for (let index = 0; index < TASKS; index += 1) {
    submitted.push(await submit(index % 2 === 0 ? one : two, "stream/all", `{"n":${index}}`));
    if (index % Math.ceil(TASKS / 5) !== Math.ceil(TASKS / 5) - 1) continue;
    // The version so far has run something, and has more to run, when the next one comes.
    await test.taskState(submitted.at(-5) ?? "", ["complete"]);
    const path = changes.shift();
    if (path === undefined) continue;
    const answer = await call(index % 3 === 0 ? one : two, "POST", `${handler("stream")}/${path}`);
    expect(answer).toMatchObject({ status: 200, changed: true });
  }
  for (const task of submitted) expect(await test.taskState(task, ["complete", "error"], 60_000)).toBe("complete");

  const rows = await database.query<{ version: string; named: string; leased: string; steps: number }>(
    "test_stream",
    `select s.results #>> '{result,version}' as version, s.results #>> '{metadata,custom,module_digest}' as named,
            l.digest as leased, count(*) as steps
       from tasker.workflow_steps s
       join tasker_host.step_leases l on l.workflow_step_uuid = s.workflow_step_uuid
      where l.namespace = 'stream' group by 1, 2, 3`,
  );
  expect(rows.reduce((sum, { steps }) => sum + steps, 0)).toBe(TASKS * STEPS);
  expect(new Set(rows.map(({ version }) => version))).toEqual(new Set(digests.keys()));
  for (const { version, named, leased } of rows) {
    expect(named).toBe(digests.get(version));
    expect(leased).toBe(named);
  }
});

it("answers which steps a version ran, page by page", async () => {
  const path = `${handler("stream")}/versions/1.0.0/steps?limit=300`;
  const seen = new Set<string>();
  for (let before: string | null = ""; before !== null;) {
    const page = await call(two, "GET", before === "" ? path : `${path}&before=${before}`);
    for (const { step_uuid: step } of page["steps"] as { step_uuid: string }[]) seen.add(step);
    before = page["next_before"] as string | null;
  }
  const [row] = await database.query<{ steps: number }>(
    "test_ran",
    `select count(*) as steps from tasker.workflow_steps s join tasker_host.step_leases l using (workflow_step_uuid)
      where l.namespace = 'stream' and s.results #>> '{result,version}' = '1.0.0'`,
  );
  expect(seen.size).toBe(row?.steps);
});

it("a step that nobody served at its claim runs with what came since", async () => {
  await template("late", 1);
  // The claim sees nothing; the handler is there when the host asks again, before it fails the step.
  await database.query(
    "test_hide",
    `create function tasker_host.test_hide() returns trigger language plpgsql as $$
     begin if new.namespace = 'late' then new.digest := null; end if; return new; end $$`,
  );
  await database.query(
    "test_hide_trigger",
    `create trigger test_hide before insert on tasker_host.step_leases
       for each row execute function tasker_host.test_hide()`,
  );
  await upload(two, "late", "2.0.0");
  const ended = await run(two, test, "late/all", "{}");
  await database.query("test_shown", "drop function tasker_host.test_hide() cascade");
  expect(ended.status).toBe("complete");
});

it("refuses an artifact with a wrong digest, says so in /health/detailed, and keeps serving the others", async () => {
  await template("damaged", 1);
  await template("sound", 1);
  const digest = await upload(two, "damaged", "1.0.0", {}, false);
  await upload(two, "sound", "1.0.1");
  await database.query("test_damage", "update tasker_host.artifacts set bytes = bytes || '\\x00' where digest = $1", [
    digest,
  ]);
  await call(two, "POST", `${handler("damaged")}/versions/1.0.0/promote`);
  await using third = await startTestHost({
    database: test,
    settings: { "sandbox.isolation": "inline", "registry.cache_dir": `/tmp/tasker-host-test-empty-${process.pid}` },
  });
  const problems = async (): Promise<unknown> => (await call(third, "GET", "/health/detailed"))["problems"];
  await expect
    .poll(problems, { timeout: 5_000 })
    .toContainEqual(
      expect.objectContaining({ subject: `component ${digest}`, code: "TSK_COMPONENT_ARTIFACT_CORRUPT" }),
    );
  expect(await call(third, "GET", "/health/detailed")).toMatchObject({ status: "ready" });
  expect((await run(third, test, "sound/all", "{}")).status).toBe("complete");
});

it("holds runs to the grants of their namespace", async () => {
  await template("granted", 1);
  await upload(two, "granted", "1.0.0", { log: true });
  const grants = "/v1/namespaces/granted/grants";
  const failure = async (context: string): Promise<string | null | undefined> =>
    (await run(two, test, "granted/all", context)).steps.get("step_0")?.results?.metadata.error_code;
  expect(await failure('{"n":1}')).toBeNull();
  await call(two, "PUT", grants, '{"capabilities":[],"limits":{}}');
  await call(one, "PUT", grants, '{"capabilities":[],"limits":{}}');
  await expect.poll(() => failure(`{"n":${Math.random()}}`), { timeout: 10_000 }).toBe("TSK_HANDLER_NOT_GRANTED");
  await call(one, "PUT", grants, '{"capabilities":["log"],"limits":{"fuel":5,"max_payload_bytes":60}}');
  await expect.poll(() => failure(`{"n":${Math.random()}}`), { timeout: 10_000 }).toBe("TSK_HANDLER_OUT_OF_FUEL");
  expect(await failure(JSON.stringify({ text: "x".repeat(100) }))).toBe("TSK_HANDLER_PAYLOAD_EXCEEDED");
  // Each says who set the limit.
  const said = async (where: string): Promise<unknown> => {
    const task = await run(two, test, "granted/all", where);
    return task.steps.get("step_0")?.results?.error?.context;
  };
  expect(await said(`{"n":${Math.random()}}`)).toMatchObject({ limit_fuel: 5, set_by: "grants" });
  expect(await said(JSON.stringify({ text: "y".repeat(100) }))).toMatchObject({ limit_bytes: 60, set_by: "grants" });
  expect(await call(one, "PUT", grants, '{"capabilities":["network"]}')).toMatchObject({ status: 422 });
});

it("refuses a wider version until it is approved, and shows the difference", async () => {
  await upload(two, "wider", "1.0.0");
  await upload(two, "wider", "1.1.0", { log: true }, false);
  const refused = await call(one, "POST", `${handler("wider")}/versions/1.1.0/promote`);
  expect(refused["error"]).toMatchObject({
    tsk_code: "TSK_GRANT_APPROVAL_NEEDED",
    details: { active: "1.0.0", added: ["tasker:handler/log"], removed: [] },
  });
  expect(await call(one, "POST", `${handler("wider")}/versions/1.1.0/approve`)).toEqual({ status: 204 });
  expect(await call(one, "POST", `${handler("wider")}/versions/1.1.0/promote`)).toMatchObject({
    status: 200,
    replaced: { version: "1.0.0" },
  });
});
