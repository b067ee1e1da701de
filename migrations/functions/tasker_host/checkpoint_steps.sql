-- Saves resume points of steps that go on running; their leases stay. Returns the steps that were saved: the others' leases
-- are gone. A checkpoint is {"cursor", "items_processed", "timestamp", "accumulated_results"}; the history of the last
-- hundred cursors is added here.
-- Lock order: tasks by uuid, steps.
create or replace function tasker_host.checkpoint_steps(
  p_session uuid, p_steps uuid[], p_epochs int[], p_checkpoints text[]
) returns table (step_uuid uuid)
language plpgsql as $$
#variable_conflict use_column
declare
  v_held uuid[];
begin
  perform tasker_host.lock_tasks(array(
    select distinct l.task_uuid
    from tasker_host.step_leases l
    where l.workflow_step_uuid = any (p_steps) and l.ended_at is null));

  v_held := array(
    select l.workflow_step_uuid
    from tasker_host.step_leases l
    where l.workflow_step_uuid = any (p_steps) and l.ended_at is null and l.session_uuid = p_session
      and l.epoch = p_epochs[array_position(p_steps, l.workflow_step_uuid)]);

  return query
    update tasker.workflow_steps s
    set checkpoint = tasker_host.with_history(
          p_checkpoints[array_position(p_steps, s.workflow_step_uuid)]::jsonb, s.checkpoint),
        updated_at = tasker_host.current_time()
    where s.workflow_step_uuid = any (v_held)
    returning s.workflow_step_uuid;
end
$$;
