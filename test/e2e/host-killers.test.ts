import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Database } from "../../src/host/database/connection.ts";
import { createOne } from "../database/support/workflow.ts";
import { type CliHost, runCliHost, runNativeHost } from "../support/cli-host.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const LEASE = ["step_processing.claim_timeout_seconds=1", "step_processing.heartbeat_interval_seconds=0.3"];

let database: TestDatabase;
let client: Database;
const hosts = new Set<CliHost>();

beforeEach(async () => {
  database = await testDatabase();
  client = database.open();
});

afterEach(async () => {
  for (const host of hosts) host.process.kill("SIGKILL");
  await database.close();
});

function startHost(): Promise<CliHost> {
  return runNativeHost({
    handlersDir: `${import.meta.dirname}/fixtures/recovery`,
    settings: LEASE,
    env: { TASKER_ENV: "test", DATABASE_URL: database.url },
  });
}

/** Keeps one host running, however often it dies, until `done`; returns how many died. */
async function keepRunning(done: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  const supervise = async (): Promise<number> => {
    for (let deaths = 0; ; deaths += 1) {
      const host = await startHost();
      hosts.add(host);
      await Promise.race([once(host.process, "exit"), done]);
      hosts.delete(host);
      if (over.signal.aborted) {
        host.process.kill("SIGKILL");
        return deaths;
      }
    }
  };
  const [deaths] = await Promise.all([supervise(), done.finally(() => over.abort())]);
  return deaths;
}

/** The task's only step. */
async function onlyStep(taskUuid: string): Promise<unknown> {
  const [row] = await client.query(
    "only_step",
    `select s.attempts, s.results #>> '{metadata,error_code}' as code,
            (select count(*)::int from tasker_host.step_leases l where l.workflow_step_uuid = s.workflow_step_uuid) as starts,
            array(select d.dlq_reason::text from tasker.tasks_dlq d where d.task_uuid = s.task_uuid) as dead_letters
       from tasker.workflow_steps s where s.task_uuid = $1`,
    [taskUuid],
  );
  return row;
}

describe("a step that kills its host", () => {
  it("runs as often as it may, ends in error with a code of its own, and leaves a dead letter", async () => {
    const taskUuid = await registered("kills");
    const ended = database.taskState(taskUuid, ["blocked_by_failures"], 50_000);
    expect(await keepRunning(ended)).toBe(2);
    expect(await onlyStep(taskUuid)).toEqual({
      attempts: 2,
      code: "TSK_STEP_HOST_LOST",
      starts: 2,
      dead_letters: ["max_retries_exceeded"],
    });
  });

  it("and must not run twice runs once", async () => {
    const taskUuid = await registered("kills_once");
    const ended = database.taskState(taskUuid, ["blocked_by_failures"], 50_000);
    expect(await keepRunning(ended)).toBe(1);
    expect(await onlyStep(taskUuid)).toMatchObject({ attempts: 1, code: "TSK_STEP_HOST_LOST", starts: 1 });
  });

  /** A task of the template, which the first host brings. */
  async function registered(name: string): Promise<string> {
    const host = await startHost();
    host.process.kill("SIGKILL");
    return createOne(client, name, { namespace: "recovery" });
  }
});

describe("a step whose sandbox is killed", () => {
  it("runs as often as it may, and its host lives on", async () => {
    const host = await runCliHost({
      cwd: tmpdir(),
      args: ["--handlers", `${import.meta.dirname}/fixtures/handlers`, "--set", "sandbox.limits.fuel=60000000000"],
      env: { TASKER_ENV: "test", DATABASE_URL: database.url },
    });
    hosts.add(host);
    const taskUuid = await createOne(client, "slow", { namespace: "trouble" });
    const over = new AbortController();
    const ended = database.taskState(taskUuid, ["blocked_by_failures"], 50_000).finally(() => over.abort());
    const running = async (): Promise<boolean> => {
      const sql = "select from tasker_host.step_leases where ended_at is null";
      return (await client.query("running", sql)).length > 0;
    };
    while (!over.signal.aborted) {
      if (await running()) await killChildren(host.process.pid);
    }
    await ended;
    expect(await onlyStep(taskUuid)).toEqual({
      attempts: 3,
      code: "TSK_HANDLER_SANDBOX_LOST",
      starts: 3,
      dead_letters: ["max_retries_exceeded"],
    });
    expect(host.process.exitCode).toBeNull();
  });
});

/** Kills what descends from the process, as the system's killer of large processes would. */
async function killChildren(parent: number | undefined): Promise<void> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    names.map(async (name): Promise<readonly [number, number]> => {
      const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
      return [Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])];
    }),
  );
  const known = new Map(parents);
  const descends = (pid: number | undefined): boolean => {
    for (let at = pid === undefined ? undefined : known.get(pid); at !== undefined; at = known.get(at)) {
      if (at === parent) return true;
    }
    return false;
  };
  for (const [pid] of parents) {
    if (!descends(pid)) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It was faster.
    }
  }
}
