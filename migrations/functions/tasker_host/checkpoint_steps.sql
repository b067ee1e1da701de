-- Saves resume points of steps that go on running; their leases stay. Returns the steps that were saved: the others' leases
-- are gone. A checkpoint is {"cursor", "items_processed", "timestamp", "accumulated_results"}; the history of the last
-- hundred cursors is added here.
-- Lock order: tasks by uuid, steps.
create or replace function tasker_host.checkpoint_steps(
  p_session uuid, p_steps uuid[], p_epochs int[], p_checkpoints text[]
) returns table (step_uuid uuid)
language plpgsql as $$
#variable_conflict use_column
begin
  perform tasker_host.lock_tasks(array(
    select distinct l.task_uuid
    from unnest(p_steps, p_epochs) u (step_uuid, epoch)
    join tasker_host.step_leases l on l.workflow_step_uuid = u.step_uuid and l.epoch = u.epoch
    where l.ended_at is null));

  return query
    update tasker.workflow_steps s
    set checkpoint = u.checkpoint || jsonb_build_object('history', jsonb_path_query_array(
          coalesce(s.checkpoint -> 'history', '[]')
            || jsonb_build_object('cursor', u.checkpoint -> 'cursor', 'timestamp', u.checkpoint -> 'timestamp'),
          '$[last - 99 to last]')),
        updated_at = tasker_host.current_time()
    from (
      select w.step_uuid, w.epoch, w.checkpoint::jsonb as checkpoint
      from unnest(p_steps, p_epochs, p_checkpoints) w (step_uuid, epoch, checkpoint)
    ) u
    join tasker_host.step_leases l
      on l.workflow_step_uuid = u.step_uuid and l.epoch = u.epoch and l.session_uuid = p_session and l.ended_at is null
    where s.workflow_step_uuid = u.step_uuid
    returning s.workflow_step_uuid;
end
$$;
