import type { Clock } from "../../core/clock.ts";
import type { Actor } from "../domain/actor.ts";
import type { Database } from "./connection.ts";

/** What may be deleted: rows from before a time in milliseconds since 1970. Undefined leaves that kind alone. */
export interface PruneBefore {
  /** Finished tasks with their steps, transitions, results and leases. */
  readonly tasksMs?: number | undefined;
  /** Archived messages of step queues. */
  readonly archivesMs?: number | undefined;
  /** Leases of steps of finished tasks, and sessions of hosts that are gone. */
  readonly leasesMs?: number | undefined;
  readonly auditMs?: number | undefined;
}

/** Rows by what they are. */
export interface PrunedRows {
  readonly tasks: number;
  readonly steps: number;
  readonly archivedMessages: number;
  readonly leases: number;
  readonly sessions: number;
  readonly auditEntries: number;
}

export interface PruneOptions {
  readonly database: Database;
  readonly before: PruneBefore;
  /** Who deletes, for the audit's own entries. */
  readonly actor: Actor;
  /** Rows that one transaction looks at. */
  readonly batchSize: number;
  /** Between two transactions, in milliseconds. */
  readonly pauseMs: number;
  readonly clock: Clock;
  /** Ends the work after the batch under way. */
  readonly signal?: AbortSignal;
}

const NOTHING: PrunedRows = { tasks: 0, steps: 0, archivedMessages: 0, leases: 0, sessions: 0, auditEntries: 0 };
const FIRST_UUID = "00000000-0000-0000-0000-000000000000";

/** How many rows `prune` would delete. Reads all that is old enough. */
export async function countPrunable(database: Database, before: PruneBefore): Promise<PrunedRows> {
  const rows = await database.query<{ readonly what: string; readonly rows: number }>(
    "prunable",
    "select * from tasker_host.prunable($1, $2, $3, $4)",
    [before.tasksMs, before.archivesMs, before.leasesMs, before.auditMs].map(timestamp),
  );
  const count = (what: string): number => rows.find((row) => row.what === what)?.rows ?? 0;
  return {
    tasks: count("tasks"),
    steps: count("steps"),
    archivedMessages: count("archived messages"),
    leases: count("leases"),
    sessions: count("sessions"),
    auditEntries: count("audit entries"),
  };
}

/**
 * Deletes what is old enough, batch by batch, each in a transaction of its own that waits for nobody and that no host waits
 * for. Whoever prunes at the same time shares the work. Makes the indexes that deleting tasks needs, where they are missing.
 * @throws pg's error where the user lacks a right.
 */
export async function prune(options: PruneOptions): Promise<PrunedRows> {
  const { database, before } = options;
  const { tasksMs, archivesMs, leasesMs, auditMs } = before;
  let done = NOTHING;
  if (tasksMs !== undefined) {
    await createPruneIndexes(database);
    await eachPage(options, async (after) => {
      const page = await call<TasksPage>(options, "prune_tasks", "select * from tasker_host.prune_tasks($1, $2, $3)", [
        timestamp(tasksMs),
        after,
      ]);
      done = { ...done, tasks: done.tasks + (page?.tasks ?? 0), steps: done.steps + (page?.steps ?? 0) };
      return page?.next ?? undefined;
    });
  }
  if (leasesMs !== undefined) {
    await eachPage(options, async (after) => {
      const page = await call<LeasesPage>(
        options,
        "prune_leases",
        "select * from tasker_host.prune_leases($1, $2, $3)",
        [timestamp(leasesMs), after],
      );
      done = { ...done, leases: done.leases + (page?.leases ?? 0) };
      return page?.next ?? undefined;
    });
    const sessions = await untilNone(options, "prune_sessions", leasesMs);
    done = { ...done, sessions };
  }
  if (archivesMs !== undefined) {
    done = { ...done, archivedMessages: await untilNone(options, "prune_archives", archivesMs) };
  }
  if (auditMs !== undefined) done = { ...done, auditEntries: await pruneAudit(options, auditMs) };
  return done;
}

interface TasksPage {
  readonly tasks: number;
  readonly steps: number;
  readonly next: string | null;
}

interface LeasesPage {
  readonly leases: number;
  readonly next: string | null;
}

async function call<Row>(
  { database, batchSize }: PruneOptions,
  name: string,
  sql: string,
  values: readonly unknown[],
): Promise<Row | undefined> {
  const [row] = await database.query<Row>(name, sql, [...values, batchSize]);
  return row;
}

/** Page after page from the first uuid on, with a pause between two. */
async function eachPage(options: PruneOptions, page: (after: string) => Promise<string | undefined>): Promise<void> {
  for (let after: string | undefined = FIRST_UUID; after !== undefined && options.signal?.aborted !== true;) {
    after = await page(after);
    if (after !== undefined) await options.clock.wait(options.pauseMs, options.signal);
  }
}

type CountingFunction = "prune_sessions" | "prune_archives";

/** Batch after batch until one finds nothing. */
function untilNone(options: PruneOptions, name: CountingFunction, beforeMs: number): Promise<number> {
  const sql = `select tasker_host.${name}($1, $2) as deleted`;
  return batches(options, () => call<Deleted>(options, name, sql, [timestamp(beforeMs)]));
}

function pruneAudit(options: PruneOptions, beforeMs: number): Promise<number> {
  const values = [JSON.stringify(options.actor), timestamp(beforeMs)];
  const sql = "select tasker_host.prune_audit($1, $2, $3) as deleted";
  return batches(options, () => call<Deleted>(options, "prune_audit", sql, values));
}

interface Deleted {
  readonly deleted: number;
}

async function batches(options: PruneOptions, batch: () => Promise<Deleted | undefined>): Promise<number> {
  for (let total = 0; ;) {
    const deleted = (await batch())?.deleted ?? 0;
    total += deleted;
    if (deleted === 0 || options.signal?.aborted === true) return total;
    await options.clock.wait(options.pauseMs, options.signal);
  }
}

/**
 * Columns by which the foreign keys to tasks and transitions are checked when one of those goes. Nothing else looks rows up
 * by them, so a host that keeps everything does without these indexes: two more for each result would slow every step down.
 */
const REFERRING = [
  { table: "workflow_step_result_audit", column: "task_uuid" },
  { table: "workflow_step_result_audit", column: "workflow_step_transition_uuid" },
  { table: "tasks_dlq", column: "task_uuid" },
] as const;

const HAS_INDEX = `
  select exists (
    select from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = to_regclass($1) and a.attname = $2 and i.indisvalid and i.indpred is null) as there`;

/** Makes them without a lock that a host would wait for; a database of tasker-core has indexes of its own. */
async function createPruneIndexes(database: Database): Promise<void> {
  for (const { table, column } of REFERRING) {
    const [found] = await database.query<{ readonly there: boolean }>("prune_index", HAS_INDEX, [
      `tasker.${table}`,
      column,
    ]);
    if (found?.there === true) continue;
    const name = `idx_prune_${table}_${column}`;
    await database.session(async (client) => {
      const { rows } = await client.query<{ readonly before: string }>(
        "select current_setting('statement_timeout') as before",
      );
      await client.query("set statement_timeout = 0");
      // One that was cut off is there and not valid.
      await client.query(`drop index concurrently if exists tasker.${name}`);
      await client.query(`create index concurrently ${name} on tasker.${table} (${column})`);
      await client.query("select set_config('statement_timeout', $1, false)", [rows[0]?.before ?? "0"]);
    });
  }
}

/** As the database writes times: UTC without a zone. */
function timestamp(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString().replace("Z", "");
}
