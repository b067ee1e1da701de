import type { Database } from "./connection.ts";

/** A request for a task; `context` is the text of a JSON object, checked by `scanJson`. */
export interface NewTask {
  readonly namespace: string;
  readonly name: string;
  /** Undefined: the newest registered version. */
  readonly version: string | undefined;
  readonly context: string;
  readonly initiator: string;
  readonly sourceSystem: string;
  readonly reason: string;
  readonly tags: readonly string[];
  readonly priority: number;
  /** Undefined: the database makes one. */
  readonly correlationId: string | undefined;
  readonly parentCorrelationId: string | undefined;
  /** Replaces the context in the task's identity. */
  readonly idempotencyKey: string | undefined;
}

export interface CreatedTask {
  /** Undefined where the template is unknown. */
  readonly taskUuid: string | undefined;
  readonly verdict: "created" | "duplicate" | "unknown_template";
}

const CREATE = "select * from tasker_host.create_tasks($1)";

/** Creates tasks with their steps and enqueues those that are ready; one round trip. Answers in the order of the requests. */
export async function createTasks(database: Database, tasks: readonly NewTask[]): Promise<readonly CreatedTask[]> {
  const rows = await database.query<{
    readonly task_uuid: string | null;
    readonly verdict: CreatedTask["verdict"];
  }>("create_tasks", CREATE, [`[${tasks.map(requestJson).join(",")}]`]);
  return rows.map((row) => ({ taskUuid: row.task_uuid ?? undefined, verdict: row.verdict }));
}

/** The context is spliced in as it is spelled: no number in it passes through a double. */
function requestJson(task: NewTask): string {
  const members = JSON.stringify({
    namespace: task.namespace,
    name: task.name,
    version: task.version,
    initiator: task.initiator,
    source_system: task.sourceSystem,
    reason: task.reason,
    tags: task.tags,
    priority: task.priority,
    correlation_id: task.correlationId,
    parent_correlation_id: task.parentCorrelationId,
    idempotency_key: task.idempotencyKey,
  });
  return `${members.slice(0, -1)},"context":${task.context}}`;
}
