import type { ClientBase } from "pg";
import type { Clock } from "../../core/clock.ts";
import type { Actor } from "../domain/actor.ts";
import { isTaskerError } from "../../core/errors/index.ts";
import type { Database } from "./connection.ts";
import { databaseError } from "./database-error.ts";
import { createPruneIndexes } from "./prune-indexes.ts";
import { queryWithin } from "./query-within.ts";

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
  /** Rows that one transaction looks at; tasks count by their steps. Fewer where Postgres cancels it as too slow. */
  readonly batchSize: number;
  /** Between two transactions, in milliseconds. */
  readonly pauseMs: number;
  readonly clock: Clock;
  /** Ends the work after the batch under way. */
  readonly signal?: AbortSignal;
}

const NOTHING: PrunedRows = { tasks: 0, steps: 0, archivedMessages: 0, leases: 0, sessions: 0, auditEntries: 0 };
const FIRST_UUID = "00000000-0000-0000-0000-000000000000";

/** How many rows `prune` would delete. Reads all that is old enough, which may take up to `timeoutMs`. */
export async function countPrunable(database: Database, before: PruneBefore, timeoutMs: number): Promise<PrunedRows> {
  const rows = await database.session((client) => readPrunable(client, before, timeoutMs));
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

interface PrunableRow {
  readonly what: string;
  readonly rows: number;
}

async function readPrunable(
  client: ClientBase,
  before: PruneBefore,
  timeoutMs: number,
): Promise<readonly PrunableRow[]> {
  const times = [before.tasksMs, before.archivesMs, before.leasesMs, before.auditMs].map(timestamp);
  try {
    await client.query("begin isolation level read committed read only");
    await client.query("select set_config('statement_timeout', $1, true)", [String(timeoutMs)]);
    const text = "select * from tasker_host.prunable($1, $2, $3, $4)";
    const rows = await queryWithin<PrunableRow>(client, text, { timeoutMs, values: times });
    await client.query("commit");
    return rows;
  } catch (error) {
    throw databaseError(error, "Cannot count what may be deleted");
  }
}

/**
 * Deletes what is old enough, batch by batch, each in a transaction of its own that waits for nobody and that no host waits
 * for. Whoever prunes at the same time shares the work. Makes the indexes that deleting tasks needs, where they are missing.
 * @throws pg's error where the user lacks a right.
 */
export async function prune(given: PruneOptions): Promise<PrunedRows> {
  const options: Pruning = { ...given, batch: { size: given.batchSize } };
  const { before } = options;
  const { tasksMs, archivesMs, leasesMs, auditMs } = before;
  let done = NOTHING;
  if (tasksMs !== undefined) {
    await createPruneIndexes(options);
    if (options.signal?.aborted === true) return done;
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

/** One call of `prune`: its batches get smaller where they are too slow. */
interface Pruning extends PruneOptions {
  readonly batch: { size: number };
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

/** One batch; where Postgres cancels it as too slow, half of it, and so on: those after it are no larger. */
async function call<Row>(
  { database, batch }: Pruning,
  name: string,
  sql: string,
  values: readonly unknown[],
): Promise<Row | undefined> {
  for (;;) {
    try {
      const [row] = await database.query<Row>(name, sql, [...values, batch.size]);
      return row;
    } catch (error) {
      if (batch.size === 1 || !isTaskerError(error, "TSK_DATABASE_TIMEOUT")) throw error;
      batch.size = batch.size >> 1;
    }
  }
}

/** Page after page from the first uuid on, with a pause between two. */
async function eachPage(options: Pruning, page: (after: string) => Promise<string | undefined>): Promise<void> {
  for (let after: string | undefined = FIRST_UUID; after !== undefined && options.signal?.aborted !== true;) {
    after = await page(after);
    if (after !== undefined) await options.clock.wait(options.pauseMs, options.signal);
  }
}

type CountingFunction = "prune_sessions" | "prune_archives";

/** Batch after batch until one finds nothing. */
function untilNone(options: Pruning, name: CountingFunction, beforeMs: number): Promise<number> {
  const sql = `select tasker_host.${name}($1, $2) as deleted`;
  return batches(options, () => call<Deleted>(options, name, sql, [timestamp(beforeMs)]));
}

function pruneAudit(options: Pruning, beforeMs: number): Promise<number> {
  const values = [JSON.stringify(options.actor), timestamp(beforeMs)];
  const sql = "select tasker_host.prune_audit($1, $2, $3) as deleted";
  return batches(options, () => call<Deleted>(options, "prune_audit", sql, values));
}

interface Deleted {
  readonly deleted: number;
}

async function batches(options: Pruning, batch: () => Promise<Deleted | undefined>): Promise<number> {
  let total = 0;
  while (options.signal?.aborted !== true) {
    const deleted = (await batch())?.deleted ?? 0;
    total += deleted;
    if (deleted === 0) break;
    await options.clock.wait(options.pauseMs, options.signal);
  }
  return total;
}

/** As the database writes times: UTC without a zone. */
function timestamp(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString().replace("Z", "");
}
