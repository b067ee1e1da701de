import type { NamespaceScope } from "../domain/principal.ts";
import { namesOf, type Queries, TEMPLATE_ORDER, utc } from "./queries.ts";
import { RawJson } from "./raw-json.ts";
import { taskNotFound } from "./read-task.ts";

/** A step as Tasker's API shows it, and `depends_on`. Timestamps are RFC 3339 in UTC. */
export interface StepResponse {
  readonly step_uuid: string;
  readonly task_uuid: string;
  readonly name: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly completed_at: string | null;
  readonly results: RawJson;
  readonly current_state: string;
  readonly dependencies_satisfied: boolean;
  readonly retry_eligible: boolean;
  readonly ready_for_execution: boolean;
  readonly total_parents: number;
  readonly completed_parents: number;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly last_failure_at: string | null;
  readonly next_retry_at: string | null;
  readonly last_attempted_at: string | null;
  /** Names of the steps that must be done before. Tasker's own API has no such member. */
  readonly depends_on: readonly string[];
}

type StepRow = Omit<StepResponse, "results"> & { readonly results: string | null };

/** The outer joins tell a task without steps (one row of nulls) from no task (no row). */
const STEPS = `
  select steps.workflow_step_uuid as step_uuid, tasks.task_uuid, named_steps.name,
         ${utc("steps.created_at")} as created_at, ${utc("steps.updated_at")} as updated_at,
         ${utc("steps.processed_at")} as completed_at, steps.results::text as results,
         readiness.current_state, readiness.dependencies_satisfied, readiness.retry_eligible,
         readiness.ready_for_execution, readiness.total_parents::int as total_parents,
         readiness.completed_parents::int as completed_parents, coalesce(readiness.attempts, 0)::int as attempts,
         coalesce(readiness.max_attempts, 3)::int as max_attempts,
         ${utc("readiness.last_failure_at")} as last_failure_at, ${utc("readiness.next_retry_at")} as next_retry_at,
         ${utc("readiness.last_attempted_at")} as last_attempted_at,
         array(
           select parent_names.name::text
             from tasker.workflow_step_edges edges
             join tasker.workflow_steps parents on parents.workflow_step_uuid = edges.from_step_uuid
             join tasker.named_steps parent_names on parent_names.named_step_uuid = parents.named_step_uuid
            where edges.to_step_uuid = steps.workflow_step_uuid
            order by array_position(template.names, parent_names.name::text), parent_names.name
         ) as depends_on
    from tasker.tasks
    join tasker.named_tasks using (named_task_uuid)
    join tasker.task_namespaces using (task_namespace_uuid)
    cross join lateral (select ${TEMPLATE_ORDER} as names) template
    left join tasker.workflow_steps steps on steps.task_uuid = tasks.task_uuid
    left join tasker.named_steps using (named_step_uuid)
    left join tasker.get_step_readiness_status($1) readiness
      on readiness.workflow_step_uuid = steps.workflow_step_uuid
   where tasks.task_uuid = $1
     and ($2::text[] is null or task_namespaces.name = any ($2))
   order by array_position(template.names, named_steps.name::text), named_steps.name`;

/**
 * The steps of a task with their results, in the template's order, in one round trip. Outside of `scope` there
 * are no tasks.
 *
 * @throws TSK_TASK_NOT_FOUND.
 */
export async function readSteps(
  database: Queries,
  taskUuid: string,
  scope: NamespaceScope,
): Promise<readonly StepResponse[]> {
  const rows = await database.query<StepRow | { readonly step_uuid: null }>("read_steps", STEPS, [
    taskUuid,
    namesOf(scope),
  ]);
  if (rows.length === 0) throw taskNotFound(taskUuid);
  return rows.flatMap((row) => (row.step_uuid === null ? [] : [stepResponse(row)]));
}

function stepResponse({ results, ...row }: StepRow): StepResponse {
  return { ...row, results: new RawJson(results ?? "null") };
}
