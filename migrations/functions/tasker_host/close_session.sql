-- Ends a session in good order. Leases that it still holds are offered to other hosts, as if released.
-- Lock order: tasks by uuid, leases, the session's row.
create or replace function tasker_host.close_session(p_session uuid) returns void
language plpgsql as $$
begin
  perform tasker_host.release_leases(p_session, array(
    select l.workflow_step_uuid from tasker_host.step_leases l where l.session_uuid = p_session and l.ended_at is null), 'interrupted');
  update tasker_host.host_sessions s
  set ended_at = tasker_host.current_time(), ended_as = 'closed'
  where s.session_uuid = p_session and s.ended_at is null;
end
$$;
