-- What is younger than this may still be under way for `migrations/verify.sql`: an orchestrator of Tasker's own writes a
-- transition and the flags beside it in two transactions. `tasker_host.verify_settle`, an interval. Unset: a minute.
create or replace function tasker_host.verify_until() returns timestamp
language sql volatile parallel safe as $$
  select tasker_host.current_time()
    - coalesce(nullif(current_setting('tasker_host.verify_settle', true), ''), '1 minute')::interval
$$;
