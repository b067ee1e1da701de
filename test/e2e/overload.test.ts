import { afterAll, beforeAll, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { newTask } from "../database/support/workflow.ts";
import { AS_PATIENT_AS_HOSTS, type TestDatabase, testDatabase } from "../support/database.ts";
import { startTestHost } from "../support/host.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

const SLOTS = 20;
const TASKS = 300;

let database: TestDatabase;
let direct: Database;
let proxy: TcpProxy;
let host: Host;
let active = 0;
let mostActive = 0;
let runs = 0;
/** What every handler waits for; undefined: nothing. */
let door: PromiseWithResolvers<void> | undefined;

beforeAll(async () => {
  database = await testDatabase();
  direct = database.open();
  const { searchParams, username, pathname } = new URL(database.url);
  proxy = await startProxy({ socketPath: `${searchParams.get("host")}/.s.PGSQL.5432` });
  host = await startTestHost({
    database: { ...database, url: `postgres://${username}@127.0.0.1:${proxy.port}${pathname}` },
    handlersDir: `${import.meta.dirname}/fixtures/recovery`,
    patience: AS_PATIENT_AS_HOSTS,
    settings: {
      "executor_pools.step_executor_pool.initial_pool_size": SLOTS,
      "executor_pools.step_executor_pool.max_pool_size": SLOTS,
      "executor_pools.step_executor_pool.max_concurrent_steps": SLOTS,
    },
    subscribe: (subscriber) =>
      subscriber.subscribe("recovery.answer", async () => {
        runs += 1;
        active += 1;
        mostActive = Math.max(mostActive, active);
        await door?.promise;
        active -= 1;
        return null;
      }),
  });
});

afterAll(async () => {
  door?.resolve();
  proxy?.setMode("pass");
  await host?.stop();
  await proxy?.close();
  await database?.close();
});

function flood(): Promise<unknown> {
  return createTasks(
    direct,
    Array.from({ length: TASKS }, () => newTask("answers_once", { namespace: "recovery" })),
  );
}

/** Leases that live, and messages that nobody has taken. */
async function held(): Promise<{ leases: number; waiting: number }> {
  const [row] = await direct.query<{ leases: number; waiting: number }>(
    "held",
    `select (select count(*)::int from tasker_host.step_leases where ended_at is null) as leases,
            (select count(*)::int from pgmq.q_worker_recovery_queue) as waiting`,
  );
  return row ?? { leases: -1, waiting: -1 };
}

/** Results that the host holds, as its metrics say. */
async function resultsHeld(): Promise<number> {
  const text = await (await fetch(`${host.url}/metrics`)).text();
  return Number(/^tasker_results_waiting (\d+)$/m.exec(text)?.[1] ?? 0);
}

it("a flood of steps whose handlers are slow stays in the queue: no more are claimed than there are slots", async () => {
  door = Promise.withResolvers();
  await flood();
  await expect.poll(() => active).toBe(SLOTS);
  // Whatever wakes the host, there is no room.
  for (let n = 0; n < 20; n += 1) await direct.query("wake", "select pg_notify('pgmq_message_ready', '')");
  expect(await held()).toEqual({ leases: SLOTS, waiting: TASKS - SLOTS });
  door.resolve();
  await expect.poll(held).toEqual({ leases: 0, waiting: 0 });
  expect({ runs, mostActive }).toEqual({ runs: TASKS, mostActive: SLOTS });
});

it("a database that is slow slows claims down, and one that takes no results stops them: no more wait than there are slots", async () => {
  door = undefined;
  runs = 0;
  proxy.setMode({ latencyMs: 50 });
  await flood();
  const most = { results: 0, leases: 0 };
  for (;;) {
    const { leases, waiting } = await held();
    most.leases = Math.max(most.leases, leases);
    most.results = Math.max(most.results, await resultsHeld());
    if (waiting <= TASKS / 2) break;
  }
  proxy.setMode("blackhole");
  await expect.poll(() => host.opened.database.circuit.state).not.toBe("closed");
  const stopped = await held();
  most.leases = Math.max(most.leases, stopped.leases);
  most.results = Math.max(most.results, await resultsHeld());
  expect(await held()).toEqual(stopped);
  proxy.setMode("pass");
  await expect.poll(held).toEqual({ leases: 0, waiting: 0 });
  expect(runs).toBe(TASKS);
  expect(most.leases).toBeLessThanOrEqual(SLOTS);
  expect(most.results).toBeLessThanOrEqual(SLOTS);
});
