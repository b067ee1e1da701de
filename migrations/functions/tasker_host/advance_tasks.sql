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
  if cardinality(p_tasks) = 0 then
    return;
  end if;
  with judged as (
    select r.task_uuid, found.*
    from unnest(p_tasks) r (task_uuid)
    cross join lateral (
      select bool_and(state.name in ('complete', 'resolved_manually')) as done,
             bool_or(state.name = 'waiting_for_retry') as waits,
             bool_or(state.name = 'error') as failed
      from tasker.workflow_steps s
      cross join lateral (
        select coalesce((select t.to_state from tasker.workflow_step_transitions t
                         where t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent), 'pending') as name
      ) state
      where s.task_uuid = r.task_uuid
    ) found
    where (
      -- The first step under way ends the search: a wide task is not counted through at each report.
      select true
      from tasker.workflow_steps s
      where s.task_uuid = r.task_uuid
        and (select t.to_state from tasker.workflow_step_transitions t
             where t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent) in
          ('enqueued', 'in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
      limit 1
    ) is null
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
    where t.task_uuid = any (v_complete);
  end if;
  if cardinality(v_blocked) > 0 then
    perform tasker_host.open_dlq_entries(v_blocked);
  end if;
end
$$;
