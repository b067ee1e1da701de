-- Enqueues up to `p_limit` steps whose retry is due: `waiting_for_retry` → `pending` → `enqueued` and a message, and their
-- tasks back to `steps_in_process`. Returns how many, and the milliseconds until the next one is due (0: more are due now;
-- null: none waits). Those whose task somebody holds are passed by, and where nothing else is due they are not counted: looking
-- again at once would find them held still.
-- Lock order: tasks, skipping locked ones, retries, transitions, new queue rows. Index: idx_step_retries_due, in order of time.
create or replace function tasker_host.wake_due_steps(p_limit int) returns table (woken int, next_due_in_ms bigint)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  v_now timestamp := tasker_host.current_time();
  v_due record;
  v_steps uuid[];
begin
  select array_agg(d.workflow_step_uuid) as steps, array_agg(distinct d.task_uuid) as tasks
  into v_due
  from (
    select r.workflow_step_uuid, t.task_uuid from tasker_host.step_retries r
    cross join lateral (
      select t.task_uuid from tasker.tasks t where t.task_uuid = r.task_uuid limit 1 for no key update skip locked
    ) t
    where r.due_at <= v_now order by r.due_at limit p_limit
  ) d;

  if v_due.steps is not null then
    -- Another host may have been faster: only what is still there is woken.
    with taken as (
      delete from tasker_host.step_retries r
      where r.workflow_step_uuid = any (v_due.steps) and r.due_at <= v_now
      returning r.workflow_step_uuid
    )
    select array_agg(workflow_step_uuid) into v_steps from taken;
    v_steps := tasker_host.move_steps(
      v_steps, array['waiting_for_retry', 'pending', 'enqueued'], array['{"type":"Retry"}', '{"type":"Enqueue"}']);
    perform tasker_host.send_step_messages(v_steps);
    perform tasker_host.move_tasks(
      array(select distinct s.task_uuid from tasker.workflow_steps s where s.workflow_step_uuid = any (v_steps)),
      array['waiting_for_dependencies', 'evaluating_results', 'enqueuing_steps', 'steps_in_process'],
      array['DependenciesReady', 'ReadyStepsFound', 'StepsEnqueued'], null);
  end if;

  return query
    select coalesce(cardinality(v_steps), 0),
           (select ceil(extract(epoch from greatest(r.due_at - v_now, interval '0')) * 1000)::bigint
            from tasker_host.step_retries r where v_due.steps is not null or r.due_at > v_now order by r.due_at limit 1);
end
$$;
