import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { createOne } from "../database/support/workflow.ts";
import { AGAIN_IF_LATE, heldBar } from "../support/bar.ts";
import { AS_PATIENT_AS_HOSTS, type TestDatabase, testDatabase } from "../support/database.ts";
import { postTask, startTestHost } from "../support/host.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

const ENDED = ["complete", "error", "blocked_by_failures"];
/** The bar: after Postgres returns, the host claims again within this time. */
const BACK_MS = 5_000;

let database: TestDatabase;
/** Around the network that the host has. */
let direct: Database;
let admin: Database;
let proxy: TcpProxy;
let host: Host;

/** What the handler does: it says that it runs, and answers when it may. */
let started = Promise.withResolvers<void>();
let mayAnswer = Promise.withResolvers<void>();
let runs = 0;

beforeAll(async () => {
  database = await testDatabase();
  direct = database.open();
  admin = database.open({ address: { url: database.adminUrl }, maxConnections: 1 });
  const { searchParams, username, pathname } = new URL(database.url);
  proxy = await startProxy({ socketPath: `${searchParams.get("host")}/.s.PGSQL.5432` });
  host = await startTestHost({
    database: { ...database, url: `postgres://${username}@127.0.0.1:${proxy.port}${pathname}` },
    handlersDir: `${import.meta.dirname}/fixtures/recovery`,
    patience: AS_PATIENT_AS_HOSTS,
    settings: { "database.statement_timeout_seconds": 20, "database.connect_timeout_seconds": 5 },
    subscribe: (subscriber) =>
      subscriber.subscribe("recovery.answer", async () => {
        runs += 1;
        started.resolve();
        await mayAnswer.promise;
        return { runs };
      }),
  });
});

afterAll(async () => {
  proxy?.setMode("pass");
  await host?.stop();
  await proxy?.close();
  await database?.close();
});

beforeEach(async () => {
  proxy.setMode("pass");
  // What the test before did to the network is over.
  while ((await readiness()) !== 200);
  started = Promise.withResolvers();
  mayAnswer = Promise.withResolvers();
  runs = 0;
});

async function readiness(): Promise<number> {
  return (await fetch(`${host.url}/health/ready`)).status;
}

function newTask(template = "answers_once"): Promise<string> {
  return createOne(direct, template, { namespace: "recovery" });
}

/** A task whose step runs now. */
async function runningTask(): Promise<string> {
  const taskUuid = await newTask();
  await started.promise;
  return taskUuid;
}

/** What became of the first task, once a new one has ended, whose step must begin in time. */
async function aftermath(taskUuid: string): Promise<{ states: readonly string[]; runs: number }> {
  const began = performance.now();
  started = Promise.withResolvers();
  const next = await newTask();
  await started.promise;
  const tookMs = performance.now() - began;
  const states = [await database.taskState(taskUuid, ENDED), await database.taskState(next, ENDED)];
  heldBar("the way back", tookMs, BACK_MS);
  return { states, runs };
}

/** Each step ran once, and its result was recorded. */
const RECOVERED = { states: ["complete", "complete"], runs: 2 };

describe("a result is kept, readiness is red, and the host is back at work in time, through", AGAIN_IF_LATE, () => {
  it.each(["reset", "blackhole", "answers-lost"] as const)("a network in mode %s", async (mode) => {
    const taskUuid = await runningTask();
    proxy.setMode(mode);
    mayAnswer.resolve();
    await expect.poll(readiness).toBe(503);
    await expect.poll(() => host.opened.database.circuit.state).not.toBe("closed");
    proxy.setMode("pass");
    expect(await aftermath(taskUuid)).toEqual(RECOVERED);
  });

  it("a server that ends every session, again and again", async () => {
    const taskUuid = await runningTask();
    mayAnswer.resolve();
    for (let n = 0; n < 10; n += 1) {
      await admin.query(
        "end_sessions",
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and usename <> current_user and pid <> pg_backend_pid()`,
      );
    }
    // The test's own sessions are among them, and find out by a statement that fails.
    await expect.poll(() => direct.query("own_session", "select").then(({ length }) => length)).toBe(1);
    expect(await aftermath(taskUuid)).toEqual(RECOVERED);
  });

  it("a server without a session left (53300)", async () => {
    const taskUuid = await runningTask();
    const name = new URL(database.url).pathname.slice(1);
    await admin.query("no_sessions", `alter database ${name} connection limit 0`);
    proxy.dropAll();
    mayAnswer.resolve();
    await expect.poll(readiness).toBe(503);
    await admin.query("sessions_again", `alter database ${name} connection limit -1`);
    expect(await aftermath(taskUuid)).toEqual(RECOVERED);
  });

  it.each([
    ["a deadlock (40P01)", "40P01"],
    ["a serialization failure (40001)", "40001"],
    ["a disk that is full (53100)", "53100"],
    ["memory that is used up (53200)", "53200"],
    ["a statement that is cancelled (57014)", "57014"],
    ["a lock that is not to be had (55P03)", "55P03"],
    ["a server that shuts down (57P01)", "57P01"],
    ["a server that only reads (25006)", "25006"],
    ["a file that cannot be written (58030)", "58030"],
  ])("%s at every report", async (_name, state) => {
    await using trouble = await plant("enqueued_for_orchestration", refusing(state));
    const taskUuid = await runningTask();
    mayAnswer.resolve();
    await expect.poll(readiness).toBe(503);
    await trouble.end();
    expect(await aftermath(taskUuid)).toEqual(RECOVERED);
  });

  it("a disk that is full at every claim", async () => {
    await using trouble = await plant("in_progress", refusing("53100"));
    mayAnswer.resolve();
    const taskUuid = await newTask();
    await expect.poll(trouble.times).toBeGreaterThan(2);
    await trouble.end();
    expect(await aftermath(taskUuid)).toEqual(RECOVERED);
  });
});

describe("a result that Postgres refuses for good", () => {
  const endOf = async (taskUuid: string): Promise<unknown> => {
    const state = await database.taskState(taskUuid, ENDED);
    const [step] = await direct.query<object>(
      "end_of",
      `select attempts, results #>> '{metadata,error_code}' as code from tasker.workflow_steps
        where task_uuid = $1 and results is not null`,
      [taskUuid],
    );
    return { state, ...step };
  };

  it("for what it is, fails its step at once", async () => {
    mayAnswer.resolve();
    await using refusal = await plant("enqueued_for_orchestration", "raise 'never'");
    expect(await endOf(await newTask("answers"))).toEqual({
      state: "blocked_by_failures",
      attempts: 1,
      code: "TSK_STEP_RESULT_REFUSED",
    });
    expect(await refusal.times()).toBeGreaterThan(0);
  });

  it("whatever is in it, ends the step when its attempts are used up, and nothing loops", async () => {
    mayAnswer.resolve();
    const report = "tasker_host.report_steps_embedded";
    await admin.query("hide", `alter function ${report} rename to hidden`);
    await admin.query(
      "refuse",
      `create function ${report}(uuid, uuid[], int[], boolean[], text[], boolean[], bigint[], jsonb)
       returns table (step_uuid uuid, verdict text, sqlstate text, message text)
       language plpgsql as $$ begin raise 'never'; end $$`,
    );
    proxy.dropAll();
    expect(await endOf(await newTask("answers"))).toEqual({
      state: "blocked_by_failures",
      attempts: 3,
      code: "TSK_STEP_REPORT_REFUSED",
    });
    expect(runs).toBe(3);
    await admin.query("stop_refusing", "drop function tasker_host.report_steps_embedded");
    await admin.query("show", "alter function tasker_host.hidden rename to report_steps_embedded");
    proxy.dropAll();
    expect(await endOf(await newTask("answers"))).toMatchObject({ state: "complete" });
  });
});

describe("a function of ours that is missing", AGAIN_IF_LATE, () => {
  it("costs no attempt: the result waits until it is back", async () => {
    const taskUuid = await runningTask();
    await admin.query("hide", "alter function tasker_host.report_steps_embedded rename to hidden");
    proxy.dropAll();
    mayAnswer.resolve();
    await expect.poll(readiness).toBe(503);
    await admin.query("show", "alter function tasker_host.hidden rename to report_steps_embedded");
    expect(await aftermath(taskUuid)).toEqual(RECOVERED);
  });
});

describe("a transaction whose answer is lost", AGAIN_IF_LATE, () => {
  it("is not reported twice", async () => {
    const taskUuid = await runningTask();
    proxy.setMode("answers-lost");
    mayAnswer.resolve();
    expect(await database.taskState(taskUuid, ENDED)).toBe("complete");
    await expect.poll(() => host.opened.database.circuit.state).not.toBe("closed");
    proxy.setMode("pass");
    expect(await aftermath(taskUuid)).toEqual(RECOVERED);
    const [row] = await direct.query(
      "completions",
      `select count(*)::int as completions from tasker.workflow_step_transitions t
         join tasker.workflow_steps s using (workflow_step_uuid) where s.task_uuid = $1 and t.to_state = 'complete'`,
      [taskUuid],
    );
    expect(row).toEqual({ completions: 1 });
  });

  it("leaves no step behind that was claimed, not even one that must not run twice", async () => {
    mayAnswer.resolve();
    await using slow = await plant("in_progress", "perform pg_advisory_xact_lock(1)");
    await using holder = database.open({ maxConnections: 1 });
    await holder.query("hold", "select pg_advisory_lock(1)");
    const taskUuid = await newTask();
    await expect.poll(slow.times, { interval: 20 }).toBe(1);
    proxy.setMode("answers-lost");
    await holder.query("let_go", "select pg_advisory_unlock(1)");
    const leases = () =>
      direct.query(
        "leases_of",
        "select epoch, attempt, released_as, ended_as from tasker_host.step_leases where task_uuid = $1 order by epoch",
        [taskUuid],
      );
    await expect.poll(leases).toHaveLength(1);
    expect(runs).toBe(0);
    proxy.setMode("pass");
    expect(await database.taskState(taskUuid, ENDED)).toBe("complete");
    expect(runs).toBe(1);
    expect(await leases()).toEqual([
      { epoch: 1, attempt: 1, released_as: "not_started", ended_as: "handed_over" },
      { epoch: 2, attempt: 1, released_as: null, ended_as: "recorded" },
    ]);
  });
});

describe("the API, while the database is in trouble", AGAIN_IF_LATE, () => {
  it("answers 503 with Retry-After where Postgres gave the statement up, and takes the request when it may", async () => {
    mayAnswer.resolve();
    await direct.session(async (client) => {
      await client.query("begin");
      await client.query("lock table tasker.tasks in access exclusive mode");
      const answer = postTask(host, "recovery/answers_once", '{"n":1}');
      const answered = new AbortController();
      void answer.finally(() => answered.abort());
      while (!answered.signal.aborted) {
        await admin.query(
          "cancel",
          `select pg_cancel_backend(pid) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`,
        );
      }
      const response = await answer;
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
      expect(await response.json()).toMatchObject({ error: { tsk_code: "TSK_DATABASE_TIMEOUT" } });
      await client.query("rollback");
    });
    const began = performance.now();
    await expect.poll(readiness).toBe(200);
    heldBar("the way back", performance.now() - began, BACK_MS);
    expect((await postTask(host, "recovery/answers_once", '{"n":1}')).status).toBe(201);
  });
});

describe("a notification that nobody heard", () => {
  it("costs no more than the poll interval, and the listener comes back", async () => {
    mayAnswer.resolve();
    const listeners = (): Promise<readonly { readonly pid: number }[]> =>
      admin.query(
        "listeners",
        "select pid from pg_stat_activity where datname = current_database() and query ~* '^(listen|select .listening)'",
      );
    const [before] = await listeners();
    await admin.query("end_listener", "select pg_terminate_backend($1::int)", [before?.pid]);
    const taskUuid = await runningTask();
    expect(await database.taskState(taskUuid, ENDED)).toBe("complete");
    await expect.poll(listeners).not.toEqual([]);
    expect(await listeners()).not.toEqual([before]);
  });
});

function refusing(state: string): string {
  return `raise 'planted' using errcode = '${state}'`;
}

interface Planted extends AsyncDisposable {
  readonly end: () => Promise<void>;
  /** How often it was met. */
  readonly times: () => Promise<number>;
}

/** Does this in the transaction of every step that comes to the state, until its end. */
async function plant(toState: string, statement: string): Promise<Planted> {
  await admin.session(async (client) => {
    await client.query("create sequence if not exists public.test_planted minvalue 0 start 0");
    await client.query("grant all on sequence public.test_planted to public");
    await client.query("select setval('public.test_planted', 0)");
    await client.query(
      `create or replace function public.test_trouble() returns trigger language plpgsql as $$
       begin
         perform nextval('public.test_planted');
         ${statement};
         return new;
       end $$`,
    );
    await client.query(
      `create trigger test_trouble before insert on tasker.workflow_step_transitions
         for each row when (new.to_state = '${toState}') execute function public.test_trouble()`,
    );
  });
  const end = async (): Promise<void> => {
    await admin.query("unplant", "drop trigger if exists test_trouble on tasker.workflow_step_transitions");
  };
  const times = async (): Promise<number> => {
    const [row] = await admin.query<{ n: number }>("planted", "select last_value::int as n from public.test_planted");
    return row?.n ?? 0;
  };
  return { end, times, [Symbol.asyncDispose]: end };
}
