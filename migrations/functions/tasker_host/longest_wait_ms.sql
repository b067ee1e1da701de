-- Milliseconds that a failed step waits at most for its next attempt, whoever asks: the template's `retry` where it says,
-- else the host's `p_rules` (see `backoff_ms`). At most 31 years, which every interval holds.
create or replace function tasker_host.longest_wait_ms(p_retry jsonb, p_rules jsonb) returns float8
language sql immutable parallel safe as $$
  select least(coalesce((p_retry ->> 'max_backoff_ms')::float8, (p_rules ->> 'max_ms')::float8, 3600000), 1e12)
$$;
