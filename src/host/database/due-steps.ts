import { rulesJson } from "./claim-steps.ts";
import type { Database } from "./connection.ts";
import type { RetryRules } from "./steps.ts";

const WAKE = "select * from tasker_host.wake_due_steps($1)";

const ADOPT = "select * from tasker_host.adopt_steps($1, $2)";

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

export interface AdoptedSteps {
  readonly adopted: number;
  /** Steps that were passed by because somebody holds their tasks. */
  readonly locked: number;
}

/**
 * Takes charge of up to `limit` steps that another orchestrator left behind: results that it had not seen to, and retries that
 * it would have woken. Both numbers are 0 when there are none left.
 */
export async function adoptSteps(database: Database, limit: number, retryRules: RetryRules): Promise<AdoptedSteps> {
  const [row] = await database.query<AdoptedSteps>("adopt_steps", ADOPT, [limit, rulesJson(retryRules)]);
  return row ?? { adopted: 0, locked: 0 };
}
