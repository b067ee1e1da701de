import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { Database } from "../../src/host/database/connection.ts";
import { countPrunable, prune, type PruneBefore, type PrunedRows } from "../../src/host/database/prune.ts";
import { closeSession } from "../../src/host/database/sessions.ts";
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
  success,
  taskState,
} from "./support/workflow.ts";

const DAY_MS = 86_400_000;
const TIMEOUT_MS = 60_000;
const NONE: PrunedRows = { tasks: 0, steps: 0, archivedMessages: 0, leases: 0, sessions: 0, auditEntries: 0 };

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
  return { tasksMs: atMs, archivesMs: atMs, leasesMs: atMs, auditMs: AUDIT_BEFORE_MS };
}

const AUDIT_BEFORE_MS = Date.UTC(2021);

/** What is there of each kind that pruning deletes. */
async function rowsLeft(database: Database): Promise<PrunedRows | undefined> {
  const [row] = await database.query<PrunedRows>(
    "test_rows_left",
    `select (select count(*)::int from tasker.tasks) as tasks, (select count(*)::int from tasker.workflow_steps) as steps,
            (select count(*)::int from pgmq.a_worker_math_queue) as "archivedMessages",
            (select count(*)::int from tasker_host.step_leases) as leases,
            (select count(*)::int from tasker_host.host_sessions) as sessions,
            (select count(*)::int from tasker_host.audit_entries where recorded_at < '2022-01-01') as "auditEntries"`,
  );
  return row;
}

function minus(before: PrunedRows | undefined, deleted: PrunedRows): PrunedRows {
  const left = (kind: keyof PrunedRows): number => (before?.[kind] ?? 0) - deleted[kind];
  return {
    tasks: left("tasks"),
    steps: left("steps"),
    archivedMessages: left("archivedMessages"),
    leases: left("leases"),
    sessions: left("sessions"),
    auditEntries: left("auditEntries"),
  };
}

/** A host that is gone, entries of the audit, some of them too young, and a finished task whose leases alone are kept apart. */
async function moreHistory(database: Database): Promise<void> {
  await closeSession(database, await session(database));
  await database.query(
    "test_audit",
    // Before the entries of what the test itself did: their order is that of time.
    `insert into tasker_host.audit_entries (entry_id, recorded_at, action, actor_kind, actor_name, actor_origin, subject)
     overriding system value
     select n - 100, case when n <= 5 then '2020-06-01' else '2021-06-01' end::timestamp, 'test.done', 'local', 'ada', 'cli', '{}'
     from generate_series(1, 7) n`,
  );
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
    await moreHistory(database);
    const before = everything(Date.now() + DAY_MS);
    const there = await rowsLeft(database);

    const counted = await countPrunable(database, before, TIMEOUT_MS);
    expect(counted).toEqual({ tasks: 3, steps: 12, archivedMessages: 14, leases: 0, sessions: 1, auditEntries: 5 });
    expect(await countPrunable(database, before, TIMEOUT_MS)).toEqual(counted);
    expect(await rowsLeft(database)).toEqual(there);
    expect(await pruneAll(database, before)).toEqual(counted);
    expect(await rowsLeft(database)).toEqual({ ...minus(there, counted), leases: 2 });

    const [left] = await database.query(
      "test_left",
      `select array(select task_uuid::text from tasker.tasks order by 1) as tasks,
              (select count(*)::int from tasker.workflow_steps) as steps,
              (select count(*)::int from tasker.workflow_step_edges) as edges`,
    );
    expect(left).toEqual({ tasks: [...kept].sort(), steps: 3, edges: 0 });
    expect(await Promise.all(kept.map((task) => taskState(database, task)))).toEqual(states);
    expect(await brokenInvariants(database)).toEqual([]);
    expect(await pruneAll(database, before)).toEqual(NONE);
  });

  it("leaves alone what is younger, and every kind that it was not told of", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    await history(database);
    expect(await pruneAll(database, everything(Date.now() - DAY_MS))).toEqual(NONE);
    expect(await pruneAll(database, {})).toEqual(NONE);
  });

  it("deletes the history of leases alone, all of a step's or none, and sessions that nothing points to", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    await history(database);
    await moreHistory(database);
    // One that ended, and still has the lease of a step that runs.
    await database.query(
      "test_end",
      "update tasker_host.host_sessions set ended_at = now(), ended_as = 'dead' where ended_at is null",
    );
    const before = { leasesMs: Date.now() + DAY_MS };
    const there = await rowsLeft(database);
    const counted = await countPrunable(database, before, TIMEOUT_MS);
    expect(counted).toEqual({ ...NONE, leases: 12, sessions: 1 });
    expect(await pruneAll(database, before)).toEqual(counted);
    expect(await rowsLeft(database)).toEqual(minus(there, counted));
    expect(await pruneAll(database, before)).toEqual(NONE);
  });

  it("leaves a task alone that an operator resolved while a host runs one of its steps", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    await register(database, "single", SINGLE);
    const host = await session(database);
    const task = await createOne(database, "single");
    const step = await claimOne(database, host);
    await database.query(
      "test_resolve",
      "select tasker_host.move_tasks(array[$1::uuid], array['steps_in_process', 'cancelled'], array['{}'], null)",
      [task],
    );
    const before = { tasksMs: Date.now() + DAY_MS };
    expect(await taskState(database, task)).toBe("cancelled");
    expect(await countPrunable(database, before, TIMEOUT_MS)).toEqual(NONE);
    expect(await pruneAll(database, before)).toEqual(NONE);
    await report(database, host, [success(step)]);
    expect(await pruneAll(database, before)).toMatchObject({ tasks: 1, steps: 1 });
  });

  it("deletes no more steps in one transaction than it was told, also of one task that has more", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    await register(database, "linear", LINEAR);
    await register(database, "wide", Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`step_${n}`, {}])));
    const host = await session(database);
    for (const name of ["linear", "wide", "linear", "linear"]) await createOne(database, name);
    await drain(database, host);
    const pages: unknown[] = [];
    let after = "00000000-0000-0000-0000-000000000000";
    for (let next: string | null = after; next !== null;) {
      after = next;
      const [page] = await database.query<{
        readonly tasks: number;
        readonly steps: number;
        readonly next: string | null;
      }>("test_page", "select * from tasker_host.prune_tasks('2100-01-01', $1, 5)", [after]);
      pages.push([page?.tasks, page?.steps]);
      expect(await brokenInvariants(database)).toEqual([]);
      next = page?.next ?? null;
    }
    expect(pages).toEqual([
      [1, 5],
      [0, 5],
      [1, 5],
      [1, 5],
      [1, 3],
    ]);
    expect(await rowsLeft(database)).toMatchObject({ tasks: 0, steps: 0, leases: 0 });
  });

  it("halves a batch that takes too long", async () => {
    await using test = await testDatabase({ server });
    const admin = test.open({ address: { url: test.adminUrl }, maxConnections: 1 });
    const database = test.open({ statementTimeoutMs: 2_000 });
    await history(test.open());
    // A trigger of somebody's that is slow where many rows go.
    await admin.query(
      "slow",
      `create function public.slow() returns trigger language plpgsql as $$
      begin perform pg_sleep(case when (select count(*) from gone) > 4 then 60 else 0 end); return null; end $$`,
    );
    await admin.query(
      "slow_trigger",
      `create trigger slow after delete on tasker.workflow_steps
      referencing old table as gone for each statement execute function public.slow()`,
    );
    const before = { tasksMs: Date.now() + DAY_MS };
    const options = { database, before, batchSize: 16, pauseMs: 0, actor: TEST_ACTOR, clock: systemClock };
    expect(await prune(options)).toMatchObject({ tasks: 3, steps: 12 });
  });

  it("makes the indexes that it needs once, whoever else prunes, and however long that takes", async () => {
    await using test = await testDatabase({ server });
    const admin = test.open({ address: { url: test.adminUrl }, maxConnections: 1 });
    const looking = test.open();
    const hosts = [0, 1, 2].map(() => test.open({ statementTimeoutMs: 2_000 }));
    await history(looking);
    // Whoever builds waits for the transactions that are under way: for longer than a statement may take.
    const held = Promise.withResolvers<void>();
    const built = admin.session(async (client) => {
      await client.query("begin isolation level repeatable read");
      await client.query("lock tasker.tasks_dlq in row exclusive mode");
      held.resolve();
      await expect
        .poll(() => count(looking, "select count(*)::int as n from pg_index where not indisvalid"), { interval: 50 })
        .toBeGreaterThan(0);
      await client.query("select pg_sleep(3)");
      await client.query("commit");
    });
    await held.promise;
    await Promise.all([built, ...hosts.map((database) => pruneAll(database, { tasksMs: Date.now() + DAY_MS }))]);
    const indexes =
      "select count(*)::int as n from pg_class c join pg_index i on i.indexrelid = c.oid where relname like 'idx\\_prune\\_%' and indisvalid";
    expect(await count(looking, indexes)).toBe(3);
    expect(
      await count(
        looking,
        "select count(*)::int as n from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
      ),
    ).toBe(0);
  });

  it("gives up a build that takes long when it is told to end", async () => {
    await using test = await testDatabase({ server });
    const admin = test.open({ address: { url: test.adminUrl }, maxConnections: 1 });
    const database = test.open();
    await admin.session(async (client) => {
      await client.query("begin");
      await client.query("lock tasker.workflow_step_result_audit in row exclusive mode");
      const over = new AbortController();
      const options = {
        before: { tasksMs: Date.now() },
        batchSize: 2,
        pauseMs: 0,
        clock: systemClock,
        signal: over.signal,
      };
      const pruning = prune({ database, actor: TEST_ACTOR, ...options });
      await expect
        .poll(
          () =>
            count(
              database,
              "select count(*)::int as n from pg_stat_activity where query like 'create index%' and datname = current_database()",
            ),
          { interval: 50 },
        )
        .toBe(1);
      over.abort();
      expect(await pruning).toEqual(NONE);
      await client.query("rollback");
    });
  });

  it("says in the audit what it took out of it, and ends though it writes that itself", async () => {
    await using test = await testDatabase({ server });
    const database = test.open();
    await history(database);
    // Before the entries of what the test itself did: their order is that of time.
    const insert = `insert into tasker_host.audit_entries
        (entry_id, recorded_at, action, actor_kind, actor_name, actor_origin, subject)
      overriding system value
      select n - 100, now() at time zone 'UTC' - interval '25 hours', 'test.done', 'local', 'old', 'cli', '{}'
      from generate_series(1, 5) n`;
    await database.query("test_entries", insert);
    const actions = async (): Promise<readonly string[]> => {
      const text = "select action || ' by ' || actor_name as said from tasker_host.audit_entries order by entry_id";
      return (await database.query<{ said: string }>("test_said", text)).map(({ said }) => said);
    };
    const young = (await actions()).slice(5);
    // Later than everything: what is younger than a day stays all the same.
    const before = { auditMs: Date.now() + DAY_MS };
    expect(await countPrunable(database, before, TIMEOUT_MS)).toMatchObject({ auditEntries: 5 });
    expect(await pruneAll(database, before)).toMatchObject({ auditEntries: 5 });
    const pruned = `audit.pruned by ${TEST_ACTOR.name}`;
    expect(await actions()).toEqual([...young, pruned, pruned, pruned]);
    expect(young.length).toBeGreaterThan(0);
    expect(await pruneAll(database, before)).toMatchObject({ auditEntries: 0 });
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

async function count(database: Database, sql: string): Promise<number | undefined> {
  const [row] = await database.query<{ readonly n: number }>(`test_${sql}`.slice(0, 60), sql);
  return row?.n;
}
