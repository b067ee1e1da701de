-- Opens a dead letter entry for each of these blocked tasks in which a step used up its attempts, or is lost and may not
-- run again (`fail_lost_steps`): whether it did its work, somebody has to find out. One that is pending stays.
create or replace function tasker_host.open_dlq_entries(p_tasks uuid[]) returns void
language sql as $$
  insert into tasker.tasks_dlq (task_uuid, original_state, dlq_reason, dlq_timestamp, task_snapshot, metadata)
  select t.task_uuid, 'blocked_by_failures',
         case when exhausted.attempts then 'max_retries_exceeded' else 'worker_unavailable' end::tasker.dlq_reason, tasker_host.current_time(),
         jsonb_build_object(
           'task_uuid', t.task_uuid, 'namespace', ns.name, 'task_name', nt.name, 'version', nt.version,
           'correlation_id', t.correlation_id, 'priority', t.priority, 'requested_at', t.requested_at),
         jsonb_build_object('exhausted_steps', exhausted.steps)
  from tasker.tasks t
  join tasker.named_tasks nt on nt.named_task_uuid = t.named_task_uuid
  join tasker.task_namespaces ns on ns.task_namespace_uuid = nt.task_namespace_uuid
  cross join lateral (
    select jsonb_agg(jsonb_build_object(
             'step_uuid', s.workflow_step_uuid, 'name', nst.name, 'attempts', s.attempts, 'error', s.results -> 'error')) as steps,
           bool_or(s.attempts >= coalesce(s.max_attempts, 3)) as attempts
    from tasker.workflow_steps s
    join tasker.named_steps nst on nst.named_step_uuid = s.named_step_uuid
    join tasker.workflow_step_transitions st on st.workflow_step_uuid = s.workflow_step_uuid and st.most_recent
    where s.task_uuid = t.task_uuid and st.to_state = 'error'
      and (s.attempts >= coalesce(s.max_attempts, 3) and s.results #>> '{metadata,retryable}' = 'true'
           or s.results #>> '{metadata,error_type}' in ('host_lost', 'report_refused'))
  ) exhausted
  where t.task_uuid = any (p_tasks) and exhausted.steps is not null
  on conflict (task_uuid) where resolution_status = 'pending' do nothing
$$;
