-- Renews a session; false where it has ended, by itself or because another host declared it dead.
create or replace function tasker_host.heartbeat(p_session uuid) returns boolean
language sql as $$
  with renewed as (
    update tasker_host.host_sessions s
    set heartbeat_at = tasker_host.current_time(), steady_since = tasker_host.steady_since(s.lease_ms)
    where s.session_uuid = p_session and s.ended_at is null
    returning 1
  )
  select exists (select from renewed)
$$;
