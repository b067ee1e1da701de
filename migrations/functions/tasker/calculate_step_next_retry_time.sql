-- When a step may run again: its own backoff where it has one, else exponentially after its last failure.
create or replace function tasker.calculate_step_next_retry_time(
  backoff_request_seconds int, last_attempted_at timestamp, failure_time timestamp, attempts int,
  p_max_backoff_seconds int default 60, p_backoff_multiplier numeric default 2.0
) returns timestamp
language sql stable as $$
  select case
    when backoff_request_seconds is not null and last_attempted_at is not null
      then last_attempted_at + make_interval(secs => backoff_request_seconds)
    when failure_time is not null
      then failure_time + make_interval(secs => least(power(p_backoff_multiplier, coalesce(attempts, 1)), p_max_backoff_seconds)::float8)
  end
$$;
