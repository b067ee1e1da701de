import type { Database } from "./connection.ts";

const WAKE = "select * from tasker_host.wake_due_steps($1)";

export interface WokenSteps {
  /** Steps that were enqueued again. */
  readonly woken: number;
  /** Milliseconds until the next waiting step is due, by the database's clock; 0 where more are due already; undefined where none waits. */
  readonly nextDueInMs: number | undefined;
}

/** Enqueues up to `limit` steps whose retry is due. */
export async function wakeDueSteps(database: Database, limit: number): Promise<WokenSteps> {
  const [row] = await database.query<{ readonly woken: number; readonly next_due_in_ms: number | null }>(
    "wake_due_steps",
    WAKE,
    [limit],
  );
  return { woken: row?.woken ?? 0, nextDueInMs: row?.next_due_in_ms ?? undefined };
}
