import type { Database } from "../database/connection.ts";

/** Every send into a step queue notifies this channel; the payload is not needed. */
export const WAKE_CHANNEL = "pgmq_message_ready";

/** Visible messages by namespace, 10,000 at the most, in one round trip; namespaces without a queue are left out. */
export async function queueDepths(
  database: Database,
  namespaces: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await database.query<{ namespace: string; depth: number }>(
    "queue_depths",
    "select * from tasker_host.queue_depths($1)",
    [namespaces],
  );
  return new Map(rows.map(({ namespace, depth }) => [namespace, depth]));
}

/** The queues through which an external orchestrator is told; whoever comes first makes them. */
const ORCHESTRATION_QUEUES = [
  "orchestration_step_results",
  "orchestration_task_requests",
  "orchestration_task_finalizations",
];

/** Makes the orchestrator's queues where they are missing. */
export async function ensureOrchestrationQueues(database: Database): Promise<void> {
  await database.query(
    "ensure_orchestration_queues",
    "select pgmq.create(name) from unnest($1::text[]) name where to_regclass('pgmq.q_' || name) is null",
    [ORCHESTRATION_QUEUES],
  );
}
