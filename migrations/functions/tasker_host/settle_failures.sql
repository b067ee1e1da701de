-- Decides what follows a failed step whose result was just recorded: another attempt after a wait, or its end in `error`.
-- `p_retry_after_ms` wins over the template's backoff, up to its longest wait. The waiting steps are in `step_retries` until `wake_due_steps`.
-- The caller holds the tasks' row locks. Locks from here: steps, transitions.
create or replace function tasker_host.settle_failures(
  p_steps uuid[], p_retryable boolean[], p_retry_after_ms bigint[], p_rules jsonb
) returns void
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_again uuid[];
  v_final uuid[];
begin
  if cardinality(p_steps) = 0 then
    return;
  end if;
  with failed as materialized (
    select s.workflow_step_uuid, s.task_uuid,
           u.retryable and s.retryable and s.attempts < coalesce(s.max_attempts, 3) as again,
           -- Not `coalesce(greatest(x, 0), …)`: greatest() of null and 0 is 0.
           coalesce(
             case when u.retry_after_ms is not null
               then least(greatest(u.retry_after_ms, 0), tasker_host.longest_wait_ms(template.retry, p_rules)) end,
             tasker_host.backoff_ms(template.retry, s.attempts, p_rules, random())) as wait_ms
    from unnest(p_steps, p_retryable, p_retry_after_ms) u (step_uuid, retryable, retry_after_ms)
    cross join lateral (select s.* from tasker.workflow_steps s where s.workflow_step_uuid = u.step_uuid limit 1) s
    cross join lateral (
      select tasker_host.template_step(nt.configuration, coalesce(s.inputs ->> '__template_step_name', nst.name)) -> 'retry' as retry
      from tasker.tasks t
      join tasker.named_tasks nt on nt.named_task_uuid = t.named_task_uuid
      cross join (select n.name from tasker.named_steps n where n.named_step_uuid = s.named_step_uuid) nst
      where t.task_uuid = s.task_uuid limit 1
    ) template
  ), waiting as (
    -- Whole seconds here, as Tasker has them; the exact time is in step_retries.
    update tasker.workflow_steps s
    set backoff_request_seconds = ceil(f.wait_ms / 1000.0)::int, last_attempted_at = v_now, updated_at = v_now
    from failed f
    where s.workflow_step_uuid = f.workflow_step_uuid and f.again
  ), retries as (
    insert into tasker_host.step_retries (workflow_step_uuid, task_uuid, due_at)
    select f.workflow_step_uuid, f.task_uuid, v_now + f.wait_ms * interval '1 millisecond' from failed f where f.again
    on conflict (workflow_step_uuid) do update set due_at = excluded.due_at
  )
  select coalesce(array_agg(f.workflow_step_uuid) filter (where f.again), '{}'),
         coalesce(array_agg(f.workflow_step_uuid) filter (where not f.again), '{}')
  into v_again, v_final
  from failed f;

  perform tasker_host.move_steps(
    v_again, array['enqueued_as_error_for_orchestration', 'waiting_for_retry'], array['{"type":"WaitForRetry"}']);
  perform tasker_host.move_steps(
    v_final, array['enqueued_as_error_for_orchestration', 'error'], array['{"type":"Fail"}']);
end
$$;
