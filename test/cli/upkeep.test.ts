import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { clear } from "../database/support/clear.ts";
import { createOne, drain, register, session, SINGLE } from "../database/support/workflow.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type CommandRun, runCommand } from "./support/run-command.ts";

const DAY_MS = 86_400_000;

let testDb: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDb = await testDatabase();
  database = testDb.open({ maxConnections: 1 });
});
afterAll(() => testDb?.close());

/** Two tasks that are complete, and one that waits. */
beforeEach(async () => {
  await clear(database);
  await register(database, "single", SINGLE);
  const host = await session(database);
  for (let n = 0; n < 2; n += 1) await createOne(database, "single");
  await drain(database, host);
  await createOne(database, "single");
});

function run(
  args: string,
  more: { readonly clock?: Clock; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CommandRun> {
  const env = { TASKER_ENV: "test", DATABASE_URL: testDb.url, ...more.env };
  return runCommand(args.split(" "), { clock: more.clock ?? systemClock, env });
}

/** What is old today is older than a month in sixty days. */
const inSixtyDays: Clock = {
  ...systemClock,
  now: () => systemClock.now() + 60 * DAY_MS,
};

async function tasks(): Promise<number | undefined> {
  const [row] = await database.query<{ readonly n: number }>(
    "test_tasks",
    "select count(*)::int as n from tasker.tasks",
  );
  return row?.n;
}

describe("tasker-host prune", () => {
  it("counts what is old enough, deletes that much, and then has nothing left to do", async () => {
    const counted = await run("prune --dry-run --older-than 30d --json", { clock: inSixtyDays });
    expect(counted).toMatchObject({ exitCode: 0, stderr: "" });
    const rows = { tasks: 2, steps: 2, archived_messages: 2, leases: 0, sessions: 0, audit_entries: 0 };
    expect(JSON.parse(counted.stdout)).toEqual({ dry_run: true, ...rows });
    expect(await tasks()).toBe(3);

    const pruned = await run("prune --older-than 30d --json", { clock: inSixtyDays });
    expect(JSON.parse(pruned.stdout)).toEqual({ dry_run: false, ...rows });
    expect(await tasks()).toBe(1);
    expect((await run("prune --older-than 30d", { clock: inSixtyDays })).stdout).toBe(
      [
        "deleted",
        "           0  tasks",
        "           0  steps",
        "           0  archived messages",
        "           0  leases",
        "           0  sessions",
        "           0  audit entries",
        "",
      ].join("\n"),
    );
  });

  it("goes by the configuration, kind by kind", async () => {
    const env = { TASKER_HOST__RETENTION__QUEUE_ARCHIVES_DAYS: "30" };
    const { stdout } = await run("prune --json", { clock: inSixtyDays, env });
    expect(JSON.parse(stdout)).toMatchObject({ tasks: 0, archived_messages: 2 });
    expect(await tasks()).toBe(3);
  });

  it("deletes nothing where nothing is old enough, and refuses where everything is kept for ever", async () => {
    expect(JSON.parse((await run("prune --older-than 30d --json")).stdout)).toMatchObject({ tasks: 0 });
    const refused = await run("prune");
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain("TSK_CONFIG_INVALID");
    expect(await tasks()).toBe(3);
  });

  it("keeps the audit of the last day", async () => {
    const refused = await run("prune --older-than 23h --audit");
    expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
    expect(refused.stderr).toContain(
      "Cannot prune the audit: an age of less than a day (accepted: `--older-than 1d` or more",
    );
    const env = { TASKER_HOST__RETENTION__AUDIT_DAYS: "0.5" };
    expect((await run("prune", { env })).stderr).toContain("retention.audit_days");
    expect((await run("prune --older-than 1d --audit --json")).exitCode).toBe(0);
  });

  it("counts for as long as it is told", async () => {
    const { stderr, exitCode } = await run("prune --dry-run --older-than 30d --timeout no");
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("Not a number of seconds above 0");
    await database.session(async (client) => {
      await client.query("begin");
      await client.query("lock tasker.workflow_steps in access exclusive mode");
      const late = await run("prune --dry-run --older-than 30d --timeout 0.2", { clock: inSixtyDays });
      expect(late.stderr).toContain("TSK_DATABASE_TIMEOUT");
      await client.query("rollback");
    });
  });
});

describe("tasker-host verify", () => {
  it("names each invariant, and ends well where all of them hold", async () => {
    const { stdout, exitCode } = await run("verify");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("  holds   step_chain_unbroken\n");
    expect(stdout).not.toContain("BROKEN");
    expect(stdout).not.toContain("nothing_unfinished");
  });

  it("shows what breaks one, and ends with an error", async () => {
    await database.query("test_break", "update tasker.workflow_steps set attempts = 9 where processed");
    const { stdout, stderr, exitCode } = await run("verify");
    expect(exitCode).not.toBe(0);
    expect(stdout).toMatch(
      / {2}BROKEN {2}attempts_within_starts\n {12}[0-9a-f-]{36} {2}9 attempts, 1 claims, 0 leases/,
    );
    expect(stderr).toContain("TSK_DATABASE_INVARIANT_BROKEN");
    // Not of tasks of the last day, which are not there yet.
    expect((await run("verify --since 1d", { clock: inSixtyDays })).exitCode).toBe(0);
  });

  it("checks more on a system at rest, and prints JSON", async () => {
    const { stdout } = await run("verify --drained --json");
    const breaches = JSON.parse(stdout).breaches.map(({ invariant }: { readonly invariant: string }) => invariant);
    expect([...new Set(breaches)]).toEqual(["nothing_unfinished", "no_step_under_way", "no_message_left"]);
  });
});
