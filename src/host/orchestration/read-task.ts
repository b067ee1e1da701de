import { TaskerError } from "../../core/errors/index.ts";
import type { NamespaceScope } from "../domain/principal.ts";
import { namesOf, type Queries, TEMPLATE_ORDER, utc } from "./queries.ts";
import {
  CONTEXT_COLUMNS,
  TASK_COLUMNS,
  TASK_TABLES,
  type TaskResponse,
  taskResponse,
  type TaskRow,
} from "./task-row.ts";

const READINESS_OF_STEPS = `
  select coalesce(json_agg(json_build_object(
           'workflow_step_uuid', readiness.workflow_step_uuid, 'task_uuid', readiness.task_uuid,
           'named_step_uuid', readiness.named_step_uuid, 'name', readiness.name,
           'current_state', readiness.current_state, 'dependencies_satisfied', readiness.dependencies_satisfied,
           'retry_eligible', readiness.retry_eligible, 'ready_for_execution', readiness.ready_for_execution,
           'last_failure_at', ${utc("readiness.last_failure_at")}, 'next_retry_at', ${utc("readiness.next_retry_at")},
           'total_parents', readiness.total_parents, 'completed_parents', readiness.completed_parents,
           'attempts', readiness.attempts, 'max_attempts', readiness.max_attempts,
           'backoff_request_seconds', readiness.backoff_request_seconds,
           'last_attempted_at', ${utc("readiness.last_attempted_at")}
         ) order by array_position(template.names, readiness.name::text), readiness.name), '[]'::json)::text
    from tasker.get_step_readiness_status(tasks.task_uuid) readiness
    cross join (select ${TEMPLATE_ORDER} as names) template`;

const TASK = `
  select ${TASK_COLUMNS}, ${CONTEXT_COLUMNS}, (${READINESS_OF_STEPS}) as steps
    from ${TASK_TABLES}
    left join lateral tasker.get_task_execution_context(tasks.task_uuid) execution on true
   where tasks.task_uuid = $1
     and ($2::text[] is null or task_namespaces.name = any ($2))`;

/**
 * One task with the readiness of its steps, in one round trip. Outside of `scope` there are no tasks.
 *
 * @throws TSK_TASK_NOT_FOUND.
 */
export async function readTask(database: Queries, taskUuid: string, scope: NamespaceScope): Promise<TaskResponse> {
  const [row] = await database.query<TaskRow>("read_task", TASK, [taskUuid, namesOf(scope)]);
  if (row === undefined) throw taskNotFound(taskUuid);
  return taskResponse(row);
}

export function taskNotFound(taskUuid: string): TaskerError {
  return new TaskerError("TSK_TASK_NOT_FOUND", {
    attempted: `Cannot read task "${taskUuid}"`,
    found: "no such task in the database",
  });
}
