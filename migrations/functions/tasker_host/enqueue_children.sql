-- Enqueues the children of completed steps whose parents are all satisfied now, each once, and sends their messages.
-- Returns the steps that were enqueued. The caller holds the tasks' row locks, taken in an earlier statement.
-- Indexes: workflow_step_edges by from_step_uuid and by to_step_uuid.
create or replace function tasker_host.enqueue_children(p_completed uuid[]) returns uuid[]
language plpgsql as $$
declare
  v_ready uuid[];
begin
  if coalesce(cardinality(p_completed), 0) = 0 then
    return '{}';
  end if;
  v_ready := array(
    select distinct e.to_step_uuid
    from unnest(p_completed) done (step_uuid)
    join tasker.workflow_step_edges e on e.from_step_uuid = done.step_uuid
    where not exists (
      select
      from tasker.workflow_step_edges other
      left join tasker.workflow_step_transitions t on t.workflow_step_uuid = other.from_step_uuid and t.most_recent
      where other.to_step_uuid = e.to_step_uuid
        and coalesce(t.to_state, 'pending') not in ('complete', 'resolved_manually')));
  v_ready := tasker_host.move_steps(v_ready, array['pending', 'enqueued'], array['{"type":"Enqueue"}']);
  perform tasker_host.send_step_messages(v_ready);
  return v_ready;
end
$$;
