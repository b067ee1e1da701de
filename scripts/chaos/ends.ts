import type { ClientBase } from "pg";
import { TASK_KINDS } from "./workload.ts";

/** Tasks that did not end as they had to. */
export interface WrongEnd {
  readonly taskUuid: string;
  readonly found: string;
}

/** Processes of hosts that something was done to: the only ones that may lose a step which must not run twice. */
export interface Harmed {
  /** Killed, stopped, frozen or cut off. */
  readonly hosts: readonly number[];
  /** A sandbox process of theirs was killed. */
  readonly sandboxes: readonly number[];
}

/**
 * Compares each task of the run with what had to come of it: its end, and the result of its last step. A fragile one may be
 * blocked by a step that was lost with its host or its sandbox, where that host was harmed: not by an outage of Postgres, in
 * which every host lives.
 */
export async function wrongEnds(client: ClientBase, run: string, harmed: Harmed): Promise<readonly WrongEnd[]> {
  const wrong: WrongEnd[] = [];
  for (const [index, kind] of TASK_KINDS.entries()) {
    const { last } = kind;
    const { rows } = await client.query<{ readonly task_uuid: string; readonly found: string }>(
      `select t.task_uuid, format('%s ended in %s, %s%s', nt.name, tt.to_state, last.value, (
                select string_agg(format('; %s of process %s', s.results #>> '{metadata,error_code}', h.process_id), '')
                from tasker.workflow_steps s
                join tasker_host.step_leases l on l.workflow_step_uuid = s.workflow_step_uuid
                join tasker_host.host_sessions h on h.session_uuid = l.session_uuid
                where s.task_uuid = t.task_uuid and s.results #>> '{metadata,error_code}' like 'TSK\\_%')) as found
       from tasker.tasks t
       join tasker.named_tasks nt using (named_task_uuid)
       join tasker.task_transitions tt on tt.task_uuid = t.task_uuid and tt.most_recent
       cross join lateral (select t.context as c) context
       left join lateral (
         select (${last?.value ?? "null"})::text as value, (${last?.value ?? "null"}) = (${last?.expected ?? "null"}) as is_right
         from (
           select s.results as r from tasker.workflow_steps s
           join tasker.named_steps n using (named_step_uuid)
           where s.task_uuid = t.task_uuid and n.name = $4
         ) step
       ) last on true
       where t.initiator = $1 and t.source_system = $2
         and not (tt.to_state = $3 and ($4::text is null or coalesce(last.is_right, false)))
         and not ($5 and tt.to_state = 'blocked_by_failures' and exists (
           select from tasker.workflow_steps s
           join tasker_host.step_leases l on l.workflow_step_uuid = s.workflow_step_uuid
           join tasker_host.host_sessions h on h.session_uuid = l.session_uuid
           where s.task_uuid = t.task_uuid
             and (s.results #>> '{metadata,error_code}' = 'TSK_STEP_HOST_LOST' and h.process_id = any ($6)
                  or s.results #>> '{metadata,error_code}' = 'TSK_HANDLER_SANDBOX_LOST' and h.process_id = any ($7))))`,
      [run, String(index), kind.end, last?.step ?? null, kind.fragile === true, harmed.hosts, harmed.sandboxes],
    );
    wrong.push(...rows.map(({ task_uuid: taskUuid, found }) => ({ taskUuid, found })));
  }
  return wrong;
}

/** Those of these tasks that the database does not have. */
export async function missingTasks(client: ClientBase, taskUuids: readonly string[]): Promise<readonly string[]> {
  const { rows } = await client.query<{ readonly task_uuid: string }>(
    `select u.task_uuid from unnest($1::uuid[]) u (task_uuid)
     where not exists (select from tasker.tasks t where t.task_uuid = u.task_uuid)`,
    [taskUuids],
  );
  return rows.map(({ task_uuid: taskUuid }) => taskUuid);
}
