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
    from tasker.workflow_step_edges e
    where e.from_step_uuid = any (p_completed)
      and (
        select bool_and(coalesce(
                 (select t.to_state from tasker.workflow_step_transitions t
                  where t.workflow_step_uuid = parents.from_step_uuid and t.most_recent), 'pending')
               in ('complete', 'resolved_manually'))
        from tasker.workflow_step_edges parents
        where parents.to_step_uuid = e.to_step_uuid));
  v_ready := tasker_host.move_steps(v_ready, array['pending', 'enqueued'], array['{"type":"Enqueue"}']);
  perform tasker_host.send_step_messages(v_ready);
  return v_ready;
end
$$;
