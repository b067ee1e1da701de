-- Milliseconds until the next attempt after `p_failures` failed ones: the template's `retry` where it says, else the host's
-- `p_rules` = {"base_ms", "multiplier", "max_ms", "jitter"}. `p_chance` from 0 to 1 places the wait within the jitter.
create or replace function tasker_host.backoff_ms(p_retry jsonb, p_failures int, p_rules jsonb, p_chance float8) returns bigint
language sql immutable parallel safe as $$
  select round(greatest(0, least(waits.ms, given.longest)
               * (1 + (p_chance * 2 - 1) * coalesce((p_rules ->> 'jitter')::float8, 0))))::bigint
  from (
    select coalesce((p_retry ->> 'backoff_base_ms')::float8, (p_rules ->> 'base_ms')::float8, 1000) as base,
           tasker_host.longest_wait_ms(p_retry, p_rules) as longest,
           least(greatest(p_failures, 1), 100) as failures
  ) given
  cross join lateral (
    select case coalesce(p_retry ->> 'backoff', 'exponential')
             when 'none' then 0
             when 'linear' then given.base * given.failures
             -- 1, 1, 2, 3, 5, … times the base (Binet).
             when 'fibonacci' then given.base * round(power((1 + sqrt(5::float8)) / 2, given.failures) / sqrt(5::float8))
             else given.base * power(coalesce((p_rules ->> 'multiplier')::float8, 2), given.failures - 1)
           end as ms
  ) waits
$$;
