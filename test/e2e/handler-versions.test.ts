import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { registerTemplate } from "../../src/host/database/templates.ts";
import { versionComponent } from "../registry/support/version-component.ts";
import { AGAIN_IF_LATE, heldBar } from "../support/bar.ts";
import type { TestDatabase } from "../support/database.ts";
import { ended, run, startTestHost, submit, testDatabase } from "../support/host.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";

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

/** Registers `<namespace>/all`: so many steps, alike but for their names. */
async function template(namespace: string, steps: number, step: object = {}, into = database): Promise<void> {
  const all = Array.from({ length: steps }, (_, index) => ({
    name: `step_${index}`,
    handler: { callable: "charge" },
    ...step,
  }));
  const configurationJson = JSON.stringify({ namespace_name: namespace, name: "all", version: "1.0.0", steps: all });
  await registerTemplate(into, TEST_ACTOR, {
    namespace,
    name: "all",
    version: "1.0.0",
    description: undefined,
    configurationJson,
  });
}

async function toolchainComponent(language: string): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(import.meta.dirname, `../fixtures/toolchains/${language}/${language}-words.wasm`);
  return new Uint8Array(await readFile(path).catch(async () => gunzipSync(await readFile(`${path}.gz`))));
}

async function call(host: Host, method: string, path: string, body?: string): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(host.url + path, { method, headers, ...(body !== undefined && { body }) });
  const text = await response.text();
  return { status: response.status, ...(text === "" ? {} : (JSON.parse(text) as Record<string, unknown>)) };
}

async function upload(
  host: Host,
  namespace: string,
  version: string,
  given = {},
  promote = true,
  expected = 201,
): Promise<string> {
  const body = await versionComponent({ name: "charge", version, callable: "charge", ...given });
  const path = `/v1/namespaces/${namespace}/handlers/charge/versions?version=${version}&promote=${promote}`;
  const headers = { "content-type": "application/wasm" };
  const response = await fetch(host.url + path, { method: "POST", headers, body });
  const answer = (await response.json()) as { digest?: string };
  if (response.status !== expected || answer.digest === undefined) throw new Error(JSON.stringify(answer));
  return answer.digest;
}

const handler = (namespace: string): string => `/v1/namespaces/${namespace}/handlers/charge`;

it(
  "an upload to one host runs on the other within two seconds, also in a namespace that is new to both",
  AGAIN_IF_LATE,
  async () => {
    await using own = await testDatabase();
    // Only the second host may run steps of the namespace, and it has never heard of it.
    await using front = await startTestHost({
      database: own,
      settings: { "sandbox.isolation": "inline", "step_processing.namespaces": "elsewhere" },
    });
    await using back = await startTestHost({ database: own, settings: { "sandbox.isolation": "inline" } });
    expect(back.view.namespaces()).toEqual([]);
    for (const version of ["1.0.0", "1.1.0"]) {
      const digest = await upload(front, "fresh", version);
      const answered = performance.now();
      if (version === "1.0.0") await template("fresh", 1, {}, own.open());
      const task = await submit(front, "fresh/all", JSON.stringify({ version }));
      expect(await own.taskState(task, ["complete", "error"])).toBe("complete");
      const tookMs = performance.now() - answered;
      const { steps } = await ended(back, own, task);
      expect(steps.get("step_0")?.results).toMatchObject({
        result: { version },
        metadata: { custom: { module_digest: digest } },
      });
      heldBar(`the first step of ${version}`, tookMs, 2_000);
    }
  },
);

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

it("answers which steps a version ran when it is gone, with their names and how each attempt ended", async () => {
  await template("gone", 1, { retry: { max_attempts: 1 } });
  const digest = await upload(one, "gone", "1.0.0", { log: true });
  expect((await run(one, test, "gone/all", '{"n":1}')).status).toBe("complete");
  await call(one, "PATCH", "/v1/namespaces/gone/grants", '{"capabilities":[]}');
  const failed = async (): Promise<string> => (await run(one, test, "gone/all", `{"n":${Math.random()}}`)).status;
  await expect.poll(failed).not.toBe("complete");
  await call(one, "POST", `${handler("gone")}/deactivate`);
  expect(await call(two, "DELETE", `${handler("gone")}/versions/1.0.0`)).toEqual({ status: 204 });
  expect(await call(two, "GET", `${handler("gone")}/versions/1.0.0`)).toMatchObject({ status: 404 });
  const { steps, ...answer } = await call(two, "GET", `${handler("gone")}/versions/1.0.0/steps`);
  expect(answer).toEqual({ status: 200, digest, digests: [digest], next_before: null });
  const attempts = steps as { outcome: string }[];
  expect(attempts.at(0)).toMatchObject({ step_name: "step_0", digest, ended_as: "recorded", outcome: "failed" });
  expect(attempts.at(-1)).toMatchObject({ step_name: "step_0", digest, ended_as: "recorded", outcome: "complete" });

  // Neither an upload nor a folder puts other bytes under its number.
  const body = await versionComponent({ name: "charge", version: "1.0.0", callable: "charge", salt: "other" });
  const path = `${one.url}${handler("gone")}/versions?version=1.0.0`;
  const headers = { "content-type": "application/wasm" };
  const refused = await fetch(path, { method: "POST", headers, body });
  expect({ status: refused.status, answer: await refused.json() }).toMatchObject({
    status: 409,
    answer: { error: { tsk_code: "TSK_REGISTRY_VERSION_CONFLICT", details: { there: digest, deleted: true } } },
  });
  await expect(one.registry.register("gone", body, undefined)).rejects.toMatchObject({
    code: "TSK_REGISTRY_VERSION_CONFLICT",
    details: { deleted: true },
  });
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

it("runs nothing of an artifact with a wrong digest, names it, serves the others, and heals by an upload", async () => {
  await using own = await testDatabase();
  const ownDatabase = own.open();
  const inline = { "sandbox.isolation": "inline" };
  await using front = await startTestHost({
    database: own,
    settings: { ...inline, "step_processing.namespaces": "elsewhere" },
  });
  await template("damaged", 1, { retry: { max_attempts: 1 } }, ownDatabase);
  await template("sound", 1, {}, ownDatabase);
  const digest = await upload(front, "damaged", "1.0.0", {}, false);
  await upload(front, "sound", "1.0.1");
  await ownDatabase.query(
    "test_damage",
    "update tasker_host.artifacts set bytes = bytes || '\\x00' where digest = $1",
    [digest],
  );
  await call(front, "POST", `${handler("damaged")}/versions/1.0.0/promote`);
  // The only one that runs steps, with nothing on its disk.
  const cacheDir = await mkdtemp(join(tmpdir(), "tasker-host-test-"));
  await using host = await startTestHost({ database: own, settings: { ...inline, "registry.cache_dir": cacheDir } });

  const refused = await run(host, own, "damaged/all", "{}");
  expect(refused.status).not.toBe("complete");
  expect(refused.steps.get("step_0")).toMatchObject({
    current_state: "error",
    results: {
      success: false,
      result: {},
      error: { message: expect.stringContaining(`Cannot load component ${digest}`) as unknown },
      metadata: { retryable: true, custom: { module_digest: null } },
    },
  });
  const problems = async (): Promise<unknown> => (await call(host, "GET", "/health/detailed"))["problems"];
  const subject = `damaged/charge 1.0.0 (component ${digest})`;
  expect(await problems()).toEqual([
    expect.objectContaining({ subject, code: "TSK_COMPONENT_ARTIFACT_CORRUPT" }) as unknown,
  ]);
  expect(await call(host, "GET", "/health/detailed")).toMatchObject({ status: "ready" });
  expect((await run(host, own, "sound/all", "{}")).status).toBe("complete");

  // To the other host: this one hears of it.
  await upload(front, "damaged", "1.0.0", {}, false, 200);
  expect((await call(front, "GET", "/v1/audit?action=handler.repaired"))["entries"]).toMatchObject([
    { namespace: "damaged", subject: { name: "charge", version: "1.0.0", digest, repaired: ["prepared form"] } },
  ]);
  await expect.poll(problems).toEqual([]);
  const healed = await run(host, own, "damaged/all", '{"again":true}');
  expect(healed.steps.get("step_0")?.results?.result).toEqual({ version: "1.0.0" });
});

it.each(["rust", "go", "c"])("a component made with %s is uploaded, promoted and runs", async (language) => {
  const name = `${language}-words`;
  const namespace = `made_with_${language}`;
  await template(namespace, 1, { handler: { callable: `${language}_words` } });
  const handlers = `/v1/namespaces/${namespace}/handlers/${name}`;
  const headers = { "content-type": "application/wasm" };
  const body = await toolchainComponent(language);
  const uploaded = await fetch(`${one.url}${handlers}/versions?version=1.0.0`, { method: "POST", headers, body });
  expect(uploaded.status).toBe(201);
  expect(await call(two, "POST", `${handlers}/versions/1.0.0/promote`)).toMatchObject({ status: 200, changed: true });
  const { status, steps } = await run(one, test, `${namespace}/all`, '{"text":"b a b"}');
  expect(status).toBe("complete");
  expect(steps.get("step_0")?.results?.result).toMatchObject({ words: { a: 1, b: 2 } });
});

it("runs nothing of a handler that is deactivated, on any host, and again after a roll back", async () => {
  await template("retired", 1, { retry: { max_attempts: 1 } });
  const digest = await upload(one, "retired", "1.0.0");
  expect((await run(one, test, "retired/all", '{"n":1}')).status).toBe("complete");
  expect(await call(two, "POST", `${handler("retired")}/deactivate`)).toEqual({
    status: 200,
    version: "1.0.0",
    digest,
  });
  expect(await call(two, "POST", `${handler("retired")}/deactivate`)).toMatchObject({
    status: 409,
    error: { tsk_code: "TSK_REGISTRY_NOTHING_ACTIVE" },
  });
  expect(await call(two, "POST", "/v1/namespaces/retired/handlers/nosuch/deactivate")).toMatchObject({
    status: 404,
    error: { tsk_code: "TSK_REGISTRY_HANDLER_UNKNOWN" },
  });
  const list = await call(one, "GET", "/v1/namespaces/retired/handlers");
  expect(list["handlers"]).toMatchObject([{ name: "charge", versions: 1, active: null }]);
  expect((await run(one, test, "retired/all", '{"n":2}')).status).not.toBe("complete");
  expect(await call(one, "POST", `${handler("retired")}/rollback`)).toMatchObject({ status: 200, version: "1.0.0" });
  expect((await run(two, test, "retired/all", '{"n":3}')).status).toBe("complete");
});

it("a step that comes while its callable has no active version waits for the next, in another handler too", async () => {
  const retry = { max_attempts: 100, backoff: "constant", backoff_base_ms: 500 };
  await template("between", 1, { retry });
  await upload(one, "between", "1.0.0");
  await call(two, "POST", `${handler("between")}/deactivate`);
  const task = await submit(one, "between/all", "{}");
  const stateAndResult = async (): Promise<unknown> =>
    (
      await database.query(
        "test_between",
        `select s.results #>> '{metadata,error_code}' as code, (s.results #>> '{metadata,retryable}')::boolean as retryable,
                s.results #>> '{error,message}' as message
           from tasker.workflow_steps s where s.task_uuid = $1 and s.results is not null`,
        [task],
      )
    )[0];
  await expect.poll(stateAndResult).toEqual({
    code: "TSK_HANDLER_INACTIVE",
    retryable: true,
    message: 'No active component serves callable "charge" in namespace "between" any more: the last was charge@1.0.0',
  });
  const body = await versionComponent({ name: "next", version: "2.0.0", callable: "charge" });
  const path = "/v1/namespaces/between/handlers/next/versions?version=2.0.0&promote=true";
  const headers = { "content-type": "application/wasm" };
  expect((await fetch(two.url + path, { method: "POST", headers, body })).status).toBe(201);
  expect(await test.taskState(task, ["complete", "error", "blocked_by_failures"])).toBe("complete");
});

it("holds runs to the grants of their namespace", async () => {
  await template("granted", 1);
  await upload(two, "granted", "1.0.0", { log: true });
  const grants = "/v1/namespaces/granted/grants";
  const failure = async (context: string): Promise<string | null | undefined> =>
    (await run(two, test, "granted/all", context)).steps.get("step_0")?.results?.metadata.error_code;
  expect(await failure('{"n":1}')).toBeNull();
  const problems = async (): Promise<unknown> => {
    const found = (await call(two, "GET", "/health/detailed"))["problems"] as { subject: string }[];
    return found.filter(({ subject }) => subject.startsWith("granted/"));
  };
  expect(await problems()).toEqual([]);
  expect(await call(one, "PATCH", grants, '{"capabilities":[]}')).toMatchObject({
    status: 200,
    ungranted: [{ name: "charge", version: "1.0.0", not_granted: ["log"] }],
  });
  await expect.poll(() => failure(`{"n":${Math.random()}}`)).toBe("TSK_HANDLER_NOT_GRANTED");
  // Also the host that was not asked says so.
  await expect.poll(problems).toEqual([
    {
      subject: "granted/charge 1.0.0",
      code: "TSK_GRANT_MISSING",
      message: 'Cannot run "granted/charge" 1.0.0: it imports "log" (accepted: no capability)',
    },
  ]);
  expect(await call(two, "GET", handler("granted"))).toMatchObject({ versions: [{ not_granted: ["log"] }] });
  await call(one, "PATCH", grants, '{"capabilities":["log"],"limits":{"fuel":5,"max_payload_bytes":60}}');
  await expect.poll(problems).toEqual([]);
  await expect.poll(() => failure(`{"n":${Math.random()}}`)).toBe("TSK_HANDLER_OUT_OF_FUEL");
  expect(await failure(JSON.stringify({ text: "x".repeat(100) }))).toBe("TSK_HANDLER_PAYLOAD_EXCEEDED");
  // Each says who set the limit.
  const said = async (where: string): Promise<unknown> => {
    const task = await run(two, test, "granted/all", where);
    return task.steps.get("step_0")?.results?.error?.context;
  };
  expect(await said(`{"n":${Math.random()}}`)).toMatchObject({ limit_fuel: 5, set_by: "grants" });
  expect(await said(JSON.stringify({ text: "y".repeat(100) }))).toMatchObject({ limit_bytes: 60, set_by: "grants" });
  expect(await call(one, "PATCH", grants, '{"capabilities":["network"]}')).toMatchObject({ status: 422 });
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
