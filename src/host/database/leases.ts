import type { Database } from "./connection.ts";

const CHECKPOINT = "select * from tasker_host.checkpoint_steps($1, $2, $3, $4)";
const RELEASE = "select tasker_host.release_leases($1, $2, $3) as released";
const MOVE = "select tasker_host.move_leases($1, $2, $3) as moved";
const RECONCILE = "select * from tasker_host.reconcile_leases($1, $2, $3)";

/** Every release of leases notifies this channel. */
export const LEASES_CHANNEL = "tasker_host_leases";

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

/**
 * How far a step came whose lease is offered: `not_started`, no handler saw it; `interrupted`, its handler was stopped;
 * `unreported`, its handler was done and Postgres refuses the result, which costs the attempt.
 */
export type OfferedAs = "not_started" | "interrupted" | "unreported";

/** Offers the session's leases of these steps to other hosts, which are told at once. Returns how many it held. */
export async function releaseLeases(
  database: Database,
  session: string,
  stepUuids: readonly string[],
  offeredAs: OfferedAs,
): Promise<number> {
  const values = [session, stepUuids, offeredAs];
  const [row] = await database.query<{ readonly released: number }>("release_leases", RELEASE, values);
  return row?.released ?? 0;
}

/**
 * Gives the leases of these steps from a session that was declared dead to the new one of the same host, which still holds
 * them; epoch and attempt stay. Returns how many: the others are another host's by now.
 */
export async function moveLeases(
  database: Database,
  from: string,
  to: string,
  stepUuids: readonly string[],
): Promise<number> {
  const [row] = await database.query<{ readonly moved: number }>("move_leases", MOVE, [from, to, stepUuids]);
  return row?.moved ?? 0;
}

export interface Reconciled {
  readonly released: number;
  /** When the database looked: the `before` of a later call. */
  readonly lookedAt: string;
}

/**
 * Offers leases that the session holds and the host does not know of: the answer of their claim was lost. `heldSteps` are
 * those that it knows. Only leases from before `before` count, the `lookedAt` of an earlier call since whose answer every
 * claim under way then has ended; undefined: none.
 */
export async function reconcileLeases(
  database: Database,
  session: string,
  heldSteps: readonly string[],
  before: string | undefined,
): Promise<Reconciled> {
  const [row] = await database.query<{ readonly released: number; readonly looked_at: string }>(
    "reconcile_leases",
    RECONCILE,
    [session, heldSteps, before ?? null],
  );
  return { released: row?.released ?? 0, lookedAt: row?.looked_at ?? "-infinity" };
}
