-- `get_step_readiness_status_batch` for one task.
create or replace function tasker.get_step_readiness_status(input_task_uuid uuid, step_uuids uuid[] default null)
returns table (
  workflow_step_uuid uuid, task_uuid uuid, named_step_uuid uuid, name text, current_state text,
  dependencies_satisfied boolean, retry_eligible boolean, ready_for_execution boolean,
  last_failure_at timestamp, next_retry_at timestamp, total_parents int, completed_parents int,
  attempts int, max_attempts int, backoff_request_seconds int, last_attempted_at timestamp
)
language sql stable as $$ select * from tasker.get_step_readiness_status_batch(array[input_task_uuid], step_uuids) $$;
