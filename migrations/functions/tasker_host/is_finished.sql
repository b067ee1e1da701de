-- True where the task came to a final state before `p_before`. One that is blocked by failures waits for an operator.
create or replace function tasker_host.is_finished(p_task uuid, p_before timestamp) returns boolean
language sql stable parallel safe as $$
  select coalesce((
    select t.to_state in ('complete', 'error', 'cancelled', 'resolved_manually') and t.created_at < p_before
    from tasker.task_transitions t
    where t.task_uuid = p_task and t.most_recent limit 1), false)
$$;
