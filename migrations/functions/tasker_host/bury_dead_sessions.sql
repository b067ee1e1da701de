-- Ends the sessions whose heartbeat is overdue by the database's clock, except the caller's own. Returns how many.
-- Locks: the sessions' rows, skipping locked ones: a heartbeat on its way has the last word.
create or replace function tasker_host.bury_dead_sessions(p_session uuid) returns int
language plpgsql as $$
declare
  v_buried int;
begin
  update tasker_host.host_sessions s
  set ended_at = tasker_host.current_time(), ended_as = 'dead'
  where s.session_uuid in (
    select d.session_uuid
    from tasker_host.host_sessions d
    where d.ended_at is null and d.session_uuid <> p_session
      and d.heartbeat_at + d.lease_ms * interval '1 millisecond' < tasker_host.current_time()
    order by d.session_uuid
    for update skip locked);
  get diagnostics v_buried = row_count;
  return v_buried;
end
$$;
