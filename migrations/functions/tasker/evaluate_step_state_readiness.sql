-- True where a step could be enqueued now.
create or replace function tasker.evaluate_step_state_readiness(
  current_state text, processed boolean, in_process boolean, dependencies_satisfied boolean, retry_eligible boolean,
  retryable boolean, next_retry_time timestamp
) returns boolean
language sql stable as $$
  select current_state in ('pending', 'waiting_for_retry') and not processed and not in_process
     and dependencies_satisfied and retry_eligible and (next_retry_time is null or next_retry_time <= now()::timestamp)
$$;
