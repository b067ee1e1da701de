-- What hosts had to see to before this time is overdue for `migrations/verify.sql`: they look every second or so, but may be
-- full, or without their database. `tasker_host.verify_patience`, an interval. Unset: five minutes. Where no host was up for
-- so long nothing is overdue: there was nobody to see to it.
create or replace function tasker_host.verify_overdue() returns timestamp
language sql volatile as $$
  select case when exists (
           select from tasker_host.host_sessions s
           where s.ended_at is null and s.started_at <= since.at
             and s.heartbeat_at + s.lease_ms * interval '1 millisecond' >= tasker_host.current_time()
         ) then since.at else '-infinity' end
  from (
    select tasker_host.current_time()
      - coalesce(nullif(current_setting('tasker_host.verify_patience', true), ''), '5 minutes')::interval as at
  ) since
$$;
