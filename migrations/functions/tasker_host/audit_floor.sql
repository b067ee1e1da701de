-- Audit entries from after this time stay, whatever `retention` or `prune` say. By the real clock, in UTC.
create or replace function tasker_host.audit_floor() returns timestamp
language sql volatile as $$
  select clock_timestamp() at time zone 'UTC' - interval '1 day'
$$;
