import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { countPrunable, prune, type PruneBefore, type PrunedRows } from "../../src/host/database/prune.ts";
import { testDatabase, testServerNames } from "../support/database.ts";
import { TEST_ACTOR } from "../support/test-actor.ts";
import {
  brokenInvariants,
  claimOne,
  createOne,
  drain,
  failure,
  LINEAR,
  register,
  report,
  session,
  SINGLE,
  taskState,
} from "./support/workflow.ts";

const DAY_MS = 86_400_000;

/** Three finished tasks of four steps each, one blocked by a failure, one with a claimed step, one that waits. */
async function history(database: Database): Promise<{ readonly host: string; readonly kept: readonly string[] }> {
  await register(database, "linear", LINEAR);
  await register(database, "single", SINGLE);
  const host = await session(database);
  for (let index = 0; index < 3; index += 1) await createOne(database, "linear");
  await drain(database, host);
  const blocked = await createOne(database, "single");
  await report(database, host, [failure(await claimOne(database, host), { retryable: false })]);
  const running = await createOne(database, "single");
  await claimOne(database, host);
  const waiting = await createOne(database, "single");
  return { host, kept: [blocked, running, waiting] };
}

function everything(atMs: number): PruneBefore {
  return { tasksMs: atMs, archivesMs: atMs, leasesMs: atMs };
}

function pruneAll(database: Database, before: PruneBefore): Promise<PrunedRows> {
  return prune({ database, before, batchSize: 2, pauseMs: 0, actor: TEST_ACTOR, clock: systemClock });
}

describe.each(testServerNames())("prune() on %s", (server) => {
  it("deletes exactly what is over and old enough, as countPrunable() says before", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    const { kept } = await history(database);
    const states = await Promise.all(kept.map((task) => taskState(database, task)));
    const before = everything(Date.now() + DAY_MS);

    const counted = await countPrunable(database, before);
    expect(counted).toMatchObject({ tasks: 3, steps: 12, archivedMessages: 14 });
    expect(await countPrunable(database, before)).toEqual(counted);
    expect(await pruneAll(database, before)).toMatchObject({ tasks: 3, steps: 12, archivedMessages: 14 });

    const [left] = await database.query(
      "test_left",
      `select array(select task_uuid::text from tasker.tasks order by 1) as tasks,
              (select count(*)::int from tasker.workflow_steps) as steps,
              (select count(*)::int from tasker.workflow_step_edges) as edges`,
    );
    expect(left).toEqual({ tasks: [...kept].sort(), steps: 3, edges: 0 });
    expect(await Promise.all(kept.map((task) => taskState(database, task)))).toEqual(states);
    expect(await brokenInvariants(database)).toEqual([]);
    expect(await pruneAll(database, before)).toMatchObject({ tasks: 0, steps: 0, archivedMessages: 0 });
  });

  it("leaves alone what is younger, and every kind that it was not told of", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    await history(database);
    const none = { tasks: 0, steps: 0, archivedMessages: 0, leases: 0, sessions: 0, auditEntries: 0 };
    expect(await pruneAll(database, everything(Date.now() - DAY_MS))).toEqual(none);
    expect(await pruneAll(database, {})).toEqual(none);
  });

  it("says in the audit what it took out of it, and ends though it writes that itself", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    await history(database);
    const insert = `insert into tasker_host.audit_entries (recorded_at, action, actor_kind, actor_name, actor_origin, subject)
      select now(), 'token.created', 'local', 'old', 'cli', '{}' from generate_series(1, 5)`;
    await database.query("test_entries", insert);
    const count = "select count(*)::int as entries from tasker_host.audit_entries where action <> 'audit.pruned'";
    const [before] = await database.query<{ entries: number }>("test_count", count);
    // Later than everything that the pruning writes.
    await pruneAll(database, { auditMs: Date.now() + DAY_MS });
    const left = await database.query<{ action: string; actor: string; entries: number }>(
      "test_left_audit",
      "select action, actor_name as actor, (subject ->> 'entries')::int as entries from tasker_host.audit_entries",
    );
    expect(new Set(left.map(({ action, actor }) => `${action} by ${actor}`))).toEqual(
      new Set([`audit.pruned by ${TEST_ACTOR.name}`]),
    );
    expect(left.at(-1)?.entries).toBeGreaterThan(0);
    expect(before?.entries).toBeGreaterThan(4);
    expect(await pruneAll(database, { auditMs: Date.now() + DAY_MS })).toMatchObject({ auditEntries: 0 });
  });

  it("passes by a task that somebody holds, without waiting", async () => {
    await using test = await testDatabase({ server });
    const database = test.open({ maxConnections: 4 });
    await history(database);
    await database.session(async (client) => {
      await client.query("begin");
      const { rows } = await client.query("select task_uuid from tasker.tasks order by 1 limit 1 for no key update");
      expect(rows).toHaveLength(1);
      expect(await pruneAll(database, { tasksMs: Date.now() + DAY_MS })).toMatchObject({ tasks: 2 });
      await client.query("rollback");
    });
    expect(await pruneAll(database, { tasksMs: Date.now() + DAY_MS })).toMatchObject({ tasks: 1 });
  });

  it("lets hosts go on meanwhile", async () => {
    await using test = await testDatabase({ server });
    const database = test.open({ maxConnections: 4 });
    const { host } = await history(database);
    for (let index = 0; index < 20; index += 1) await createOne(database, "linear");
    await Promise.all([pruneAll(database, everything(Date.now() + DAY_MS)), drain(database, host)]);
    expect(await brokenInvariants(database)).toEqual([]);
    const [open] = await database.query(
      "test_open",
      "select count(*)::int as open from tasker.tasks t join tasker.named_tasks n using (named_task_uuid) where n.name = 'linear' and not t.complete",
    );
    expect(open).toEqual({ open: 0 });
  });
});
