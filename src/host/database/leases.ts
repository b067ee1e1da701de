import type { Database } from "./connection.ts";

const CHECKPOINT = "select * from tasker_host.checkpoint_steps($1, $2, $3, $4)";
const RELEASE = "select tasker_host.release_leases($1, $2) as released";
const RECONCILE = "select tasker_host.reconcile_leases($1, $2, $3) as released";

export interface StepCheckpoint {
  readonly stepUuid: string;
  readonly epoch: number;
  /** `{"cursor", "items_processed", "timestamp", "accumulated_results"}`; the database adds the history. */
  readonly checkpointJson: string;
}

/** Saves resume points; the steps keep their leases. Returns the steps whose checkpoint was saved: the others' leases are gone. */
export async function checkpointSteps(
  database: Database,
  session: string,
  checkpoints: readonly StepCheckpoint[],
): Promise<ReadonlySet<string>> {
  const rows = await database.query<{ readonly step_uuid: string }>("checkpoint_steps", CHECKPOINT, [
    session,
    checkpoints.map(({ stepUuid }) => stepUuid),
    checkpoints.map(({ epoch }) => epoch),
    checkpoints.map(({ checkpointJson }) => checkpointJson),
  ]);
  return new Set(rows.map((row) => row.step_uuid));
}

/** Offers the session's leases of these steps to other hosts, which run the same attempt. Returns how many it held. */
export async function releaseLeases(
  database: Database,
  session: string,
  stepUuids: readonly string[],
): Promise<number> {
  const [row] = await database.query<{ readonly released: number }>("release_leases", RELEASE, [session, stepUuids]);
  return row?.released ?? 0;
}

/**
 * Offers leases that the session holds and the host does not know of: the answer of their claim was lost. `heldSteps` are
 * those that it knows; leases younger than `olderThanMs` are left alone, their claim may be under way.
 */
export async function reconcileLeases(
  database: Database,
  session: string,
  heldSteps: readonly string[],
  olderThanMs: number,
): Promise<number> {
  const values = [session, heldSteps, olderThanMs];
  const [row] = await database.query<{ readonly released: number }>("reconcile_leases", RECONCILE, values);
  return row?.released ?? 0;
}
