import type { ClientBase } from "pg";

/** What is unfinished, for a person who has to find out why: one row a step, at most fifty, and what the queues hold. */
export async function stuckRows(client: ClientBase): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { rows } = await client.query<Readonly<Record<string, unknown>>>(
    `select t.task_uuid, nt.name as task, tt.to_state as task_state, n.name as step, s.workflow_step_uuid as step_uuid,
            coalesce(st.to_state, 'pending') as step_state, st.created_at as since, s.attempts, r.due_at,
            l.epoch, l.claimed_at, l.released_at, l.ended_as, h.process_id, h.heartbeat_at, h.ended_as as session_ended,
            (select count(*) from tasker_host.queued_messages() m where m.step_uuid = s.workflow_step_uuid) as messages
     from tasker.task_transitions tt
     join tasker.tasks t on t.task_uuid = tt.task_uuid
     join tasker.named_tasks nt using (named_task_uuid)
     join tasker.workflow_steps s on s.task_uuid = t.task_uuid
     join tasker.named_steps n using (named_step_uuid)
     left join tasker.workflow_step_transitions st on st.workflow_step_uuid = s.workflow_step_uuid and st.most_recent
     left join tasker_host.step_retries r on r.workflow_step_uuid = s.workflow_step_uuid
     left join lateral (
       select l.* from tasker_host.step_leases l where l.workflow_step_uuid = s.workflow_step_uuid order by l.epoch desc limit 1
     ) l on true
     left join tasker_host.host_sessions h on h.session_uuid = l.session_uuid
     where tt.most_recent
       and tt.to_state not in ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures')
       and coalesce(st.to_state, 'pending') <> 'complete'
     order by t.task_uuid, s.workflow_step_uuid
     limit 50`,
  );
  return rows;
}

/** Tasks and steps that have not come to rest. */
export async function unfinished(client: ClientBase): Promise<{ readonly tasks: number; readonly complete: number }> {
  const { rows } = await client.query<{ readonly tasks: number; readonly complete: number }>(
    `select (select count(*)::int from tasker.task_transitions
             where most_recent and to_state not in
               ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures')) as tasks,
            (select count(*)::int from tasker.workflow_step_transitions where most_recent and to_state = 'complete') as complete`,
  );
  return rows[0] ?? { tasks: 0, complete: 0 };
}
