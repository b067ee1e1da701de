-- Ends the sessions whose heartbeat is overdue by the database's clock, except the caller's own. Returns how many.
-- Silence says something only where the database was to be had: hosts have been heard without a gap for a lease. After an
-- outage of all the first one back would bury the others otherwise, who are there and hold results.
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
      and exists (
        select from tasker_host.host_sessions own
        where own.session_uuid = p_session
          and own.steady_since + greatest(own.lease_ms, d.lease_ms) * interval '1 millisecond' <= tasker_host.current_time()
          -- Its next heartbeat has still to say whether the silence was everybody's.
          and own.heartbeat_at + own.lease_ms * interval '0.5 millisecond' > tasker_host.current_time())
    order by d.session_uuid
    for update skip locked);
  get diagnostics v_buried = row_count;
  return v_buried;
end
$$;
