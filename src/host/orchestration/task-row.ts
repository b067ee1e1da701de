import { utc } from "./queries.ts";
import { RawJson } from "./raw-json.ts";

/** A task as Tasker's API shows it. Timestamps are RFC 3339 in UTC. */
export interface TaskResponse {
  readonly task_uuid: string;
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly status: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly completed_at: string | null;
  readonly context: RawJson;
  readonly initiator: string;
  readonly source_system: string;
  readonly reason: string;
  readonly priority: number;
  readonly tags: RawJson;
  readonly correlation_id: string;
  readonly parent_correlation_id: string | null;
  readonly total_steps: number;
  readonly pending_steps: number;
  readonly in_progress_steps: number;
  readonly completed_steps: number;
  readonly failed_steps: number;
  readonly ready_steps: number;
  readonly execution_status: string;
  readonly recommended_action: string;
  readonly completion_percentage: number;
  readonly health_status: string;
  /** Readiness of each step; empty in a list of tasks. */
  readonly steps: RawJson;
}

/** A row of `TASK_COLUMNS` and `CONTEXT_COLUMNS`: JSON is text. */
export type TaskRow = Omit<TaskResponse, "context" | "tags" | "steps"> & {
  readonly context: string | null;
  readonly tags: string | null;
  readonly steps: string;
};

/**
 * Of `tasks`, `named_tasks`, `task_namespaces` and the current transition as `state`. A transition leaves the task's own row
 * alone unless it completes it: when the task changed last is the later of the two times.
 */
export const TASK_COLUMNS = `
       tasks.task_uuid, named_tasks.name, task_namespaces.name as namespace, named_tasks.version,
       coalesce(state.to_state, 'pending') as status,
       ${utc("tasks.created_at")} as created_at, ${utc("greatest(tasks.updated_at, state.created_at)")} as updated_at,
       ${utc("coalesce(tasks.completed_at, case when tasks.complete then state.created_at end)")} as completed_at,
       tasks.context::text as context, coalesce(tasks.initiator, '') as initiator,
       coalesce(tasks.source_system, '') as source_system, coalesce(tasks.reason, '') as reason,
       tasks.priority, tasks.tags::text as tags, tasks.correlation_id, tasks.parent_correlation_id`;

/** Of `tasker.get_task_execution_context` as `execution`. */
export const CONTEXT_COLUMNS = `
       coalesce(execution.total_steps, 0)::int as total_steps,
       coalesce(execution.pending_steps, 0)::int as pending_steps,
       coalesce(execution.in_progress_steps, 0)::int as in_progress_steps,
       coalesce(execution.completed_steps, 0)::int as completed_steps,
       coalesce(execution.failed_steps, 0)::int as failed_steps,
       coalesce(execution.ready_steps, 0)::int as ready_steps,
       coalesce(execution.execution_status, 'unknown') as execution_status,
       coalesce(execution.recommended_action, 'wait_for_dependencies') as recommended_action,
       coalesce(execution.completion_percentage, 0)::float8 as completion_percentage,
       coalesce(execution.health_status, 'unknown') as health_status`;

/** The joins that `TASK_COLUMNS` names. */
export const TASK_TABLES = `
  tasker.tasks
  join tasker.named_tasks using (named_task_uuid)
  join tasker.task_namespaces using (task_namespace_uuid)
  left join tasker.task_transitions state on state.task_uuid = tasks.task_uuid and state.most_recent`;

export function taskResponse({ context, tags, steps, ...row }: TaskRow): TaskResponse {
  return {
    ...row,
    context: new RawJson(context ?? "{}"),
    tags: new RawJson(tags ?? "[]"),
    steps: new RawJson(steps),
  };
}
