-- Moves on the tasks that have nothing under way any more: to `complete`, to `waiting_for_dependencies` (where a retry waits,
-- as Tasker has it), or to `blocked_by_failures`. A task with a step enqueued, running or reported stays in
-- `steps_in_process`: evaluating it and enqueuing its next steps begin and end in this transaction, so nobody could see it
-- in between and no row is written for it. A failure blocks the task once its other branches came to rest.
--
-- A task that is blocked because a step ran out of attempts gets an entry in the dead letter queue.
-- The caller holds the tasks' row locks, taken in an earlier statement.
create or replace function tasker_host.advance_tasks(p_tasks uuid[], p_processor uuid) returns void
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_complete uuid[];
  v_waiting uuid[];
  v_blocked uuid[];
begin
  with resting as materialized (
    select r.task_uuid
    from unnest(p_tasks) r (task_uuid)
    where not exists (
      select
      from tasker.workflow_steps s
      join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
      where s.task_uuid = r.task_uuid
        and t.to_state in
          ('enqueued', 'in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration'))
  ), judged as (
    select r.task_uuid,
           bool_and(coalesce(t.to_state, 'pending') in ('complete', 'resolved_manually')) as done,
           coalesce(bool_or(t.to_state = 'waiting_for_retry'), false) as waits,
           coalesce(bool_or(t.to_state = 'error'), false) as failed
    from resting r
    join tasker.workflow_steps s on s.task_uuid = r.task_uuid
    left join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
    group by r.task_uuid
  )
  select array_agg(j.task_uuid) filter (where j.done),
         array_agg(j.task_uuid) filter (where not j.done and (j.waits or not j.failed)),
         array_agg(j.task_uuid) filter (where not j.done and not j.waits and j.failed)
  into v_complete, v_waiting, v_blocked
  from judged j;

  v_complete := tasker_host.move_tasks(v_complete, array['steps_in_process', 'evaluating_results', 'complete'],
    array['AllStepsCompleted', 'AllStepsSuccessful'], p_processor);
  perform tasker_host.move_tasks(v_waiting, array['steps_in_process', 'evaluating_results', 'waiting_for_dependencies'],
    array['StepCompleted', 'NoDependenciesReady'], p_processor);
  v_blocked := tasker_host.move_tasks(v_blocked, array['steps_in_process', 'evaluating_results', 'blocked_by_failures'],
    array['StepCompleted', 'PermanentFailure'], p_processor);

  if cardinality(v_complete) > 0 then
    update tasker.tasks t
    set complete = true, completed_at = v_now, updated_at = v_now
    from unnest(v_complete) finished (task_uuid)
    where t.task_uuid = finished.task_uuid;
  end if;
  if cardinality(v_blocked) > 0 then
    perform tasker_host.open_dlq_entries(v_blocked);
  end if;
end
$$;
