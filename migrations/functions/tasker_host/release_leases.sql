-- Offers leases of the session to other hosts; `p_as` says how far the step came (see `step_leases.released_as`).
-- Returns how many were offered.
-- Lock order: tasks by uuid, leases.
create or replace function tasker_host.release_leases(p_session uuid, p_steps uuid[], p_as text) returns int
language plpgsql as $$
declare
  v_released int;
begin
  perform tasker_host.lock_tasks(array(
    select distinct l.task_uuid
    from tasker_host.step_leases l
    where l.workflow_step_uuid = any (p_steps) and l.ended_at is null and l.session_uuid = p_session));
  update tasker_host.step_leases l
  set released_at = tasker_host.current_time(), released_as = p_as
  where l.workflow_step_uuid = any (p_steps) and l.session_uuid = p_session and l.ended_at is null and l.released_at is null;
  get diagnostics v_released = row_count;
  if v_released > 0 then
    -- Others look for released leases when they beat; this makes it at once.
    perform pg_notify('tasker_host_leases', '');
  end if;
  return v_released;
end
$$;
