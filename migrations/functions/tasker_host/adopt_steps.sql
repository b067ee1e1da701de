-- Takes charge of up to `p_limit` steps that another orchestrator left behind when hosts began to orchestrate this database:
-- results that wait for it, and retries that it would have woken. Returns how many, and how many it passed by because somebody
-- holds their tasks; call it until both are 0. Our own reports never leave a step so: they orchestrate in their transaction.
-- `p_rules`: see `backoff_ms`. On a database of tasker-core no index leads to states and this reads all current transitions:
-- it is for the start of a host. Index on our own: idx_workflow_step_transitions_waiting.
-- Lock order: tasks by uuid, transitions, steps, retries, new queue rows.
create or replace function tasker_host.adopt_steps(p_limit int, p_rules jsonb) returns table (adopted int, locked int)
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_left record;
  v_found int;
  v_asking record;
  v_problem text;
  v_growing uuid[] := '{}';
  v_bad uuid[] := '{}';
  v_done uuid[];
  v_failed record;
begin
  select array_agg(f.step_uuid) as steps, array_agg(distinct f.task_uuid) as tasks
  into v_left
  from (
    select t.workflow_step_uuid as step_uuid, s.task_uuid
    from tasker.workflow_step_transitions t
    join tasker.workflow_steps s on s.workflow_step_uuid = t.workflow_step_uuid
    where t.most_recent
      and t.to_state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration', 'waiting_for_retry')
      and (t.to_state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
           or t.to_state = 'waiting_for_retry' and not exists (
             select from tasker_host.step_retries r where r.workflow_step_uuid = t.workflow_step_uuid))
      and tasker.get_current_task_state(s.task_uuid) in
        ('enqueuing_steps', 'steps_in_process', 'evaluating_results', 'waiting_for_dependencies', 'waiting_for_retry')
    order by t.workflow_step_uuid
    limit p_limit
  ) f;
  v_found := coalesce(cardinality(v_left.steps), 0);
  v_left.tasks := tasker_host.lock_free_tasks(v_left.tasks);
  v_left.steps := array(
    select s.workflow_step_uuid from tasker.workflow_steps s
    where s.workflow_step_uuid = any (v_left.steps) and s.task_uuid = any (v_left.tasks));
  if v_left.steps = '{}' then
    return query select 0, v_found;
    return;
  end if;

  -- Wherever the other orchestrator was with these tasks; `advance_tasks` below judges them anew.
  perform tasker_host.move_tasks(
    v_left.tasks, array['waiting_for_dependencies', 'evaluating_results'], array['DependenciesReady'], null);
  perform tasker_host.move_tasks(v_left.tasks, array['evaluating_results', 'enqueuing_steps'], array['ReadyStepsFound'], null);
  perform tasker_host.move_tasks(v_left.tasks, array['waiting_for_retry', 'enqueuing_steps'], array['RetryReady'], null);
  perform tasker_host.move_tasks(v_left.tasks, array['enqueuing_steps', 'steps_in_process'], array['StepsEnqueued'], null);

  -- A result may ask for steps to be created. One that asks for what cannot be is a failure.
  for v_asking in
    select s.workflow_step_uuid as step_uuid, s.results -> 'result' as result
    from tasker.workflow_steps s
    join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
    where s.workflow_step_uuid = any (v_left.steps) and t.to_state = 'enqueued_for_orchestration'
      and s.results -> 'result' ?| array['decision_point_outcome', 'batch_processing_outcome']
  loop
    v_problem := tasker_host.outcome_problem(v_asking.step_uuid, v_asking.result);
    if v_problem is null then
      v_growing := v_growing || v_asking.step_uuid;
    else
      v_bad := v_bad || v_asking.step_uuid;
      update tasker.workflow_steps s
      set results = tasker_host.failure_result(
            v_asking.step_uuid, 'invalid_outcome', 'TSK_STEP_OUTCOME_INVALID', v_problem, v_now), updated_at = v_now
      where s.workflow_step_uuid = v_asking.step_uuid;
    end if;
  end loop;
  perform tasker_host.move_steps(v_bad, array['enqueued_for_orchestration', 'error'], array['{"type":"Fail"}']);

  v_done := tasker_host.move_steps(
    v_left.steps, array['enqueued_for_orchestration', 'complete'], array['{"type":"Complete"}']);
  update tasker.workflow_steps s
  set processed = true, processed_at = v_now, in_process = false, updated_at = v_now
  where s.workflow_step_uuid = any (v_done);
  perform tasker_host.grow_tasks(array_agg(s.workflow_step_uuid), array_agg(s.results))
  from tasker.workflow_steps s where s.workflow_step_uuid = any (v_growing) and s.workflow_step_uuid = any (v_done);

  select coalesce(array_agg(s.workflow_step_uuid), '{}') as steps,
         array_agg(s.results #>> '{metadata,retryable}' = 'true') as retryable,
         array_agg(null::bigint) as retry_after_ms
  into v_failed
  from tasker.workflow_steps s
  join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
  where s.workflow_step_uuid = any (v_left.steps) and t.to_state = 'enqueued_as_error_for_orchestration';
  perform tasker_host.settle_failures(v_failed.steps, v_failed.retryable, v_failed.retry_after_ms, p_rules);

  insert into tasker_host.step_retries (workflow_step_uuid, task_uuid, due_at)
  select s.workflow_step_uuid, s.task_uuid,
         coalesce(s.last_attempted_at + s.backoff_request_seconds * interval '1 second', v_now)
  from tasker.workflow_steps s
  join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
  where s.workflow_step_uuid = any (v_left.steps) and t.to_state = 'waiting_for_retry'
  on conflict (workflow_step_uuid) do nothing;

  perform tasker_host.enqueue_children(v_done);
  perform tasker_host.advance_tasks(v_left.tasks, null);
  return query select cardinality(v_left.steps), v_found - cardinality(v_left.steps);
end
$$;
