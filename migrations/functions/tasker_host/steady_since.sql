-- Since when hosts have been heard in this database without a gap of half a lease: what a host with this lease may say of the
-- time before now. One after the other counts, so that a host that has just started knows what others saw before it. A host
-- with a longer lease is no witness: its gaps may be longer. Reads only.
create or replace function tasker_host.steady_since(p_lease_ms int) returns timestamp
language sql stable as $$
  select coalesce(least(
    (select min(s.steady_since) from tasker_host.host_sessions s
     where s.ended_at is null and s.lease_ms <= p_lease_ms and s.heartbeat_at >= heard.after),
    (select min(s.steady_since) from tasker_host.host_sessions s
     where s.ended_at >= heard.after and s.lease_ms <= p_lease_ms and s.heartbeat_at >= heard.after)), heard.now)
  from (
    select now, now - p_lease_ms / 2.0 * interval '1 millisecond' as after from tasker_host.current_time() now
  ) heard
$$;
