-- Registers a running host: its leases point to this row, and one heartbeat renews them all. Asking twice is harmless: the
-- first answer may have got lost.
create or replace function tasker_host.open_session(
  p_session uuid, p_host_name text, p_process_id int, p_host_version text, p_lease_ms int
) returns void
language sql as $$
  insert into tasker_host.host_sessions
    (session_uuid, host_name, process_id, host_version, lease_ms, started_at, heartbeat_at, steady_since)
  select p_session, p_host_name, p_process_id, p_host_version, p_lease_ms, now, now, tasker_host.steady_since(p_lease_ms)
  from tasker_host.current_time() now
  on conflict (session_uuid) do nothing
$$;
