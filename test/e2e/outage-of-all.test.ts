import { afterAll, beforeAll, expect, it } from "vitest";
import type { Host } from "../../src/host/bootstrap/start-host.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { createOne } from "../database/support/workflow.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { startTestHost } from "../support/host.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";

/** Long enough for three heartbeats of a host on a busy machine: the other one may bury this one after that. */
const LEASE_SECONDS = 6;
const ENDED = ["complete", "error", "blocked_by_failures"];

let database: TestDatabase;
/** Around the network that the hosts have. */
let direct: Database;
const proxies: TcpProxy[] = [];
const hosts: Host[] = [];

beforeAll(async () => {
  database = await testDatabase();
  direct = database.open();
});

afterAll(async () => {
  for (const proxy of proxies) proxy.setMode("pass");
  for (const host of hosts) await host.stop();
  for (const proxy of proxies) await proxy.close();
  await database?.close();
});

/** A host with a network of its own, whose steps end when `answer` does. */
async function start(answer: () => Promise<unknown>): Promise<TcpProxy> {
  const { searchParams, username, pathname } = new URL(database.url);
  const proxy = await startProxy({ socketPath: `${searchParams.get("host")}/.s.PGSQL.5432` });
  proxies.push(proxy);
  const host = await startTestHost({
    database: { ...database, url: `postgres://${username}@127.0.0.1:${proxy.port}${pathname}` },
    handlersDir: `${import.meta.dirname}/fixtures/recovery`,
    settings: {
      "step_processing.claim_timeout_seconds": LEASE_SECONDS,
      "step_processing.heartbeat_interval_seconds": 0.5,
    },
    subscribe: (subscriber) => subscriber.subscribe("recovery.answer", answer),
  });
  hosts.push(host);
  return proxy;
}

/** Of all sessions: the age of the youngest heartbeat, and how many were declared dead. */
async function sessions(): Promise<{ readonly silent_seconds: number; readonly dead: number }> {
  const [row] = await direct.query<{ silent_seconds: number; dead: number }>(
    "sessions",
    `select extract(epoch from tasker_host.current_time() - max(heartbeat_at))::float8 as silent_seconds,
            count(*) filter (where ended_as = 'dead')::int as dead
       from tasker_host.host_sessions`,
  );
  return row ?? { silent_seconds: 0, dead: 0 };
}

it("a host that held a result through an outage of all records it, though another was back before it", async () => {
  const started = Promise.withResolvers<void>();
  const mayAnswer = Promise.withResolvers<void>();
  const holder = await start(async () => {
    started.resolve();
    await mayAnswer.promise;
    return { ok: true };
  });
  const taskUuid = await createOne(direct, "answers_once", { namespace: "recovery" });
  await started.promise;
  const other = await start(() => Promise.resolve({ ok: false }));

  for (const proxy of [holder, other]) proxy.setMode("reset");
  mayAnswer.resolve();
  const silence = async (): Promise<number> => (await sessions()).silent_seconds;
  await expect.poll(silence).toBeGreaterThan(LEASE_SECONDS + 0.2);
  other.setMode("pass");
  await expect.poll(silence).toBeLessThan(0.4);
  const [beat] = await direct.query<{ at: string }>(
    "beat",
    "select max(heartbeat_at) as at from tasker_host.host_sessions",
  );
  // The take-over that followed the first heartbeat is over when the third has come.
  for (let beats = 1, last = beat?.at; beats < 3;) {
    const [row] = await direct.query<{ at: string }>(
      "beat",
      "select max(heartbeat_at) as at from tasker_host.host_sessions",
    );
    if (row?.at !== last) beats += 1;
    last = row?.at;
  }
  holder.setMode("pass");
  expect(await database.taskState(taskUuid, ENDED)).toBe("complete");
  expect((await sessions()).dead).toBe(0);
  const leases = await direct.query("leases", "select epoch, attempt, ended_as from tasker_host.step_leases");
  expect(leases).toEqual([{ epoch: 1, attempt: 1, ended_as: "recorded" }]);
}, 60_000);
