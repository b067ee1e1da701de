-- Ends steps in progress that may not run again, whose leases nobody works for: they fail for good with a code of their own,
-- and are orchestrated (`p_orchestrate`) or reported to the orchestrator like any failure.
-- `p_kinds`: how the last lease was offered (see `step_leases.released_as`), or null where its host died.
-- The caller holds the tasks' row locks. Locks from here: transitions, steps, leases, new queue rows.
create or replace function tasker_host.fail_lost_steps(
  p_session uuid, p_steps uuid[], p_epochs int[], p_kinds text[], p_orchestrate boolean, p_rules jsonb
) returns void
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
begin
  perform tasker_host.record_results(
    p_session, p_steps, p_epochs, array_fill(false, array[cardinality(p_steps)]),
    array(
      select case when u.kind = 'unreported'
               then tasker_host.failure_result(
                 u.step_uuid, 'report_refused', 'TSK_STEP_REPORT_REFUSED',
                 'The step ran, but Postgres refused to record its result at every attempt', v_now)
               else tasker_host.failure_result(
                 u.step_uuid, 'host_lost', 'TSK_STEP_HOST_LOST',
                 'The host that ran the step was lost, and the step may not run again', v_now)
             end
      from unnest(p_steps, p_kinds) with ordinality u (step_uuid, kind, ord) order by u.ord),
    p_orchestrate, 'exhausted');
  if p_orchestrate then
    perform tasker_host.settle_failures(p_steps, array_fill(false, array[cardinality(p_steps)]), null::bigint[], p_rules);
    perform tasker_host.advance_tasks(
      array(select distinct s.task_uuid from tasker.workflow_steps s where s.workflow_step_uuid = any (p_steps)), p_session);
  else
    perform tasker_host.send_result_messages(p_steps);
  end if;
end
$$;
