-- True where the task may be deleted: it finished before `p_before`, has no dead letter that waits for somebody, and no step
-- of it is still with a host, as one that an operator resolved while its handler runs.
create or replace function tasker_host.is_prunable(p_task uuid, p_before timestamp) returns boolean
language sql stable parallel safe as $$
  select tasker_host.is_finished(p_task, p_before)
    and not exists (
      select from tasker.tasks_dlq d where d.task_uuid = p_task and d.resolution_status = 'pending')
    and not exists (
      select from tasker.workflow_steps s
      where s.task_uuid = p_task and exists (
        select from tasker_host.step_leases l where l.workflow_step_uuid = s.workflow_step_uuid and l.ended_at is null))
$$;
