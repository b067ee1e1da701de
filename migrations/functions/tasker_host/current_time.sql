-- The clock of every function here, in UTC. Tests set `tasker_host.now` in their session; nobody else should.
create or replace function tasker_host.current_time() returns timestamp
language sql stable parallel safe as $$
  select coalesce(
    nullif(current_setting('tasker_host.now', true), '')::timestamp,
    clock_timestamp() at time zone 'UTC')
$$;
