import type { ClientBase } from "pg";
import type { Clock } from "../../core/clock.ts";
import type { Database } from "./connection.ts";
import { queryWithin } from "./query-within.ts";

export interface PruneIndexesOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Gives up: what is half built is built anew the next time. */
  readonly signal?: AbortSignal;
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
type Referring = (typeof REFERRING)[number];

const HAS_INDEX = `
  select exists (
    select from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = to_regclass($1) and a.attname = $2 and i.indisvalid and i.indpred is null) as there`;

/** One host at a time: two that build the same one would drop each other's as half built. */
const LOCK = "hashtext('tasker_host.prune_indexes')";
/** Whoever waited inside a statement would be waited for by the one who builds. */
const LOOK_MS = 1_000;

/** Makes them without a lock that a host would wait for; a database of tasker-core has indexes of its own. */
export async function createPruneIndexes(options: PruneIndexesOptions): Promise<void> {
  const { database, clock, signal } = options;
  while (!isOver(options) && !(await allThere(options))) {
    const mine = await database
      .session(async (client) => {
        const { rows } = await client.query<{ readonly mine: boolean }>(`select pg_try_advisory_lock(${LOCK}) as mine`);
        if (rows[0]?.mine !== true) return false;
        await Promise.race([buildMissing(client), rejectOn(signal)]);
        await client.query(`select pg_advisory_unlock(${LOCK})`);
        return true;
      })
      .catch((error: unknown) => {
        if (isOver(options)) return true;
        throw error;
      });
    if (!mine) await clock.wait(LOOK_MS, signal);
  }
}

function isOver({ signal }: PruneIndexesOptions): boolean {
  return signal?.aborted === true;
}

async function allThere({ database }: PruneIndexesOptions): Promise<boolean> {
  for (const { table, column } of REFERRING) {
    const values = [`tasker.${table}`, column];
    const [found] = await database.query<{ readonly there: boolean }>("prune_index", HAS_INDEX, values);
    if (found?.there !== true) return false;
  }
  return true;
}

async function buildMissing(client: ClientBase): Promise<void> {
  const before = await client.query<{ readonly before: string }>(
    "select current_setting('statement_timeout') as before",
  );
  await client.query("set statement_timeout = 0");
  for (const referring of REFERRING) await buildOne(client, referring);
  await client.query("select set_config('statement_timeout', $1, false)", [before.rows[0]?.before ?? "0"]);
}

async function buildOne(client: ClientBase, { table, column }: Referring): Promise<void> {
  const { rows } = await client.query<{ readonly there: boolean }>(HAS_INDEX, [`tasker.${table}`, column]);
  if (rows[0]?.there === true) return;
  const name = `idx_prune_${table}_${column}`;
  // One that was cut off is there and not valid.
  const statements = [
    `drop index concurrently if exists tasker.${name}`,
    `create index concurrently ${name} on tasker.${table} (${column})`,
  ];
  for (const text of statements) await queryWithin(client, text);
}

function rejectOn(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    const giveUp = (): void => reject(new Error("the build is given up"));
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener("abort", giveUp, { once: true });
  });
}
