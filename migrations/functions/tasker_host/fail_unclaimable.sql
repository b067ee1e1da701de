-- Ends an enqueued step that cannot be claimed: it fails for good with a code of its own, and is orchestrated (`p_orchestrate`)
-- or reported to the orchestrator like any failure. No handler has seen it, and it has no lease.
-- Raises 55P03 where somebody holds its task. Locks: the task (skipping a locked one), transitions, steps.
create or replace function tasker_host.fail_unclaimable(p_session uuid, p_step uuid, p_refusal text, p_orchestrate boolean)
returns void
language plpgsql as $$
declare
  v_steps constant uuid[] := array[p_step];
  v_now timestamp := tasker_host.current_time();
  v_task uuid := (select s.task_uuid from tasker.workflow_steps s where s.workflow_step_uuid = p_step);
begin
  if v_task is null then
    return;
  end if;
  if tasker_host.lock_free_tasks(array[v_task]) = '{}' then
    raise exception 'task "%" is locked', v_task using errcode = 'lock_not_available';
  end if;
  if tasker_host.move_steps(
       v_steps, array['enqueued', 'in_progress', 'enqueued_as_error_for_orchestration'],
       array['{"type":"Start"}', '{"type":"EnqueueAsErrorForOrchestration"}']) = '{}' then
    return;
  end if;
  insert into tasker.workflow_step_result_audit
    (workflow_step_uuid, workflow_step_transition_uuid, task_uuid, recorded_at, worker_uuid, correlation_id, success,
     created_at, updated_at)
  select p_step, m.workflow_step_transition_uuid, v_task, v_now, p_session, t.correlation_id, false, v_now, v_now
  from tasker.workflow_step_transitions m
  cross join (select t.correlation_id from tasker.tasks t where t.task_uuid = v_task) t
  where m.workflow_step_uuid = p_step and m.most_recent and not tasker_host.audit_by_trigger();
  update tasker.workflow_steps s
  set in_process = false, processed = false, updated_at = v_now,
      results = tasker_host.failure_result(
        p_step, 'unclaimable', 'TSK_STEP_UNCLAIMABLE', 'Postgres refuses the claim of the step: ' || p_refusal, v_now)
  where s.workflow_step_uuid = p_step;
  if p_orchestrate then
    perform tasker_host.move_steps(
      v_steps, array['enqueued_as_error_for_orchestration', 'error'], array['{"type":"Fail"}']);
    perform tasker_host.advance_tasks(array[v_task], p_session);
  else
    perform tasker_host.send_result_messages(array[p_step]);
  end if;
end
$$;
