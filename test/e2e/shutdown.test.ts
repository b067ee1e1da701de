import { once } from "node:events";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import { type CliHost, runCliHost, runNativeHost } from "../support/cli-host.ts";
import { AGAIN_IF_LATE, heldBar } from "../support/bar.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { startTestHost } from "../support/host.ts";
import { createTasks } from "../../src/host/database/tasks.ts";
import { createOne, newTask } from "../database/support/workflow.ts";

const HANDLERS = `${import.meta.dirname}/fixtures/recovery`;

let database: TestDatabase;
let client: Database;
const hosts: CliHost[] = [];

beforeEach(async () => {
  database = await testDatabase();
  client = database.open();
});

afterEach(async () => {
  for (const host of hosts.splice(0)) host.process.kill("SIGKILL");
  await database.close();
});

async function startHost(...settings: readonly string[]): Promise<CliHost> {
  const host = await runNativeHost({
    handlersDir: HANDLERS,
    settings: [
      "executor_pools.step_executor_pool.initial_pool_size=50",
      "step_processing.claim_batch_size=50",
      ...settings,
    ],
    env: { TASKER_ENV: "test", DATABASE_URL: database.url },
  });
  hosts.push(host);
  return host;
}

/** Live leases: how many, of which attempts, by how many sessions. */
async function liveLeases(): Promise<{ leases: number; attempts: readonly number[]; epochs: readonly number[] }> {
  const [row] = await client.query<{ leases: number; attempts: number[] | null; epochs: number[] | null }>(
    "live_leases",
    `select count(*)::int as leases, array_agg(distinct attempt) as attempts, array_agg(distinct epoch) as epochs
       from tasker_host.step_leases where ended_at is null and released_at is null`,
  );
  return { leases: row?.leases ?? 0, attempts: row?.attempts ?? [], epochs: row?.epochs ?? [] };
}

/** Hosts that hear notifications. */
async function listeners(): Promise<number> {
  const [row] = await client.query<{ n: number }>(
    "listeners",
    "select count(*)::int as n from pg_stat_activity where datname = current_database() and query ~* '^(listen|select .listening)'",
  );
  return row?.n ?? 0;
}

describe("a host that is told to stop", () => {
  it("and has nothing to do exits within a second, with code 0", AGAIN_IF_LATE, async () => {
    const host = await runCliHost({ cwd: tmpdir(), args: [], env: { TASKER_ENV: "test", DATABASE_URL: database.url } });
    hosts.push(host);
    const began = performance.now();
    expect(await host.signal("SIGTERM")).toBe(0);
    const tookMs = performance.now() - began;
    const sessions = await client.query("sessions", "select ended_as from tasker_host.host_sessions");
    expect(sessions).toEqual([{ ended_as: "closed" }]);
    heldBar("the stop", tookMs, 1_000);
  });

  it(
    "hands 50 running steps over: it exits with code 0, another host has them within a second, in the same attempt",
    AGAIN_IF_LATE,
    async () => {
      const first = await startHost("step_processing.shutdown_grace_seconds=0");
      await createTasks(
        client,
        Array.from({ length: 50 }, () => newTask("sleeps", { namespace: "recovery" })),
      );
      await expect.poll(liveLeases).toMatchObject({ leases: 50, epochs: [1] });
      // Long heartbeats: only a notification makes it in time.
      const second = await startHost(
        "step_processing.claim_timeout_seconds=90",
        "step_processing.heartbeat_interval_seconds=30",
      );
      await expect.poll(listeners).toBe(2);
      const began = performance.now();
      expect(await first.signal("SIGTERM")).toBe(0);
      const tookMs = performance.now() - began;
      await expect.poll(liveLeases).toEqual({ leases: 50, attempts: [1], epochs: [2] });
      const [waits] = await client.query<{ longest: number }>(
        "waits",
        `select extract(epoch from max(next.claimed_at - given.released_at))::float8 as longest
         from tasker_host.step_leases given
         join tasker_host.step_leases next on next.workflow_step_uuid = given.workflow_step_uuid and next.epoch = 2
        where given.epoch = 1`,
      );
      heldBar("the stop", tookMs, 5_000);
      heldBar("the take-over", (waits?.longest ?? Infinity) * 1_000, 1_000);
      second.process.kill("SIGKILL");
    },
  );

  it(
    "is not ready from then on, and ends at once at a second signal, whose steps another host takes over",
    AGAIN_IF_LATE,
    async () => {
      const lease = ["step_processing.claim_timeout_seconds=1", "step_processing.heartbeat_interval_seconds=0.3"];
      const first = await startHost("step_processing.shutdown_grace_seconds=60", ...lease);
      await createOne(client, "sleeps", { namespace: "recovery" });
      await expect.poll(liveLeases).toMatchObject({ leases: 1 });
      const second = await startHost(...lease);
      first.process.kill("SIGTERM");
      const ready = async (): Promise<number> => (await fetch(`${first.started.url}/health/ready`)).status;
      await expect.poll(ready).toBe(503);
      const ended = once(first.process, "exit");
      const began = performance.now();
      first.process.kill("SIGINT");
      expect((await ended)[0]).toBe(130);
      const tookMs = performance.now() - began;
      await expect.poll(liveLeases).toEqual({ leases: 1, attempts: [2], epochs: [2] });
      heldBar("the end", tookMs, 1_000);
      second.process.kill("SIGKILL");
    },
  );

  it("hands over as not started what no handler has seen, so that it runs elsewhere even where it may run once only", async () => {
    const host = await runCliHost({
      cwd: tmpdir(),
      args: [
        "--handlers",
        `${import.meta.dirname}/fixtures/handlers`,
        ...["sandbox.limits.fuel=60000000000", "sandbox.max_processes_per_namespace=1"].flatMap((set) => [
          "--set",
          set,
        ]),
        "--set",
        "step_processing.shutdown_grace_seconds=0",
      ],
      env: { TASKER_ENV: "test", DATABASE_URL: database.url },
    });
    hosts.push(host);
    await createTasks(
      client,
      Array.from({ length: 3 }, () => newTask("slow_once", { namespace: "trouble" })),
    );
    await expect.poll(liveLeases).toMatchObject({ leases: 3 });
    expect(await host.signal("SIGTERM")).toBe(0);
    const given = await client.query(
      "given",
      "select released_as, count(*)::int as n from tasker_host.step_leases group by 1 order by 1",
    );
    // The process begins with the first one some time after the claim.
    expect(given).toContainEqual({ released_as: "not_started", n: expect.toSatisfy((n: number) => n >= 2) });
  });

  it("keeps the leases of steps that are done, whose results wait to be recorded", async () => {
    const host = await startTestHost({
      database,
      handlersDir: HANDLERS,
      settings: {
        "step_processing.shutdown_grace_seconds": 0,
        // The result waits for company that does not come.
        "executor_pools.result_processor_pool.flush_interval_ms": 1_000,
      },
      subscribe: (subscriber) => subscriber.subscribe("recovery.answer", () => ({ ok: true })),
    });
    const taskUuid = await createOne(client, "answers_once", { namespace: "recovery" });
    await expect.poll(() => resultsWaiting(host.url)).toBe(1);
    await host.stop();
    expect(await database.taskState(taskUuid, ["complete", "blocked_by_failures", "error"])).toBe("complete");
    // Never offered: another host would have failed the step, which must not run twice.
    const leases = await client.query("ends", "select epoch, released_as, ended_as from tasker_host.step_leases");
    expect(leases).toEqual([{ epoch: 1, released_as: null, ended_as: "recorded" }]);
  });
});

/** Results that the host holds. */
async function resultsWaiting(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^tasker_results_waiting (\d+)/m.exec(text)?.[1]);
}
