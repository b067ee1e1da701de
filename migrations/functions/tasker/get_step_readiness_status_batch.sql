-- One row a step of the tasks: state, parents, whether it could run, when it may run again.
create or replace function tasker.get_step_readiness_status_batch(input_task_uuids uuid[], step_uuids uuid[] default null)
returns table (
  workflow_step_uuid uuid, task_uuid uuid, named_step_uuid uuid, name text, current_state text,
  dependencies_satisfied boolean, retry_eligible boolean, ready_for_execution boolean,
  last_failure_at timestamp, next_retry_at timestamp, total_parents int, completed_parents int,
  attempts int, max_attempts int, backoff_request_seconds int, last_attempted_at timestamp
)
language sql stable as $$
  with steps as (
    select s.*, ns.name as step_name, coalesce(t.to_state, 'pending')::text as state,
           coalesce(s.attempts, 0) = 0 or (s.retryable and s.attempts < coalesce(s.max_attempts, 3)) as eligible
    from tasker.workflow_steps s
    join tasker.named_steps ns using (named_step_uuid)
    left join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
    where s.task_uuid = any (input_task_uuids) and (step_uuids is null or s.workflow_step_uuid = any (step_uuids))
  ), parents as (
    select s.workflow_step_uuid, count(e.from_step_uuid)::int as total,
           count(*) filter (where t.to_state in ('complete', 'resolved_manually'))::int as done
    from steps s
    left join tasker.workflow_step_edges e on e.to_step_uuid = s.workflow_step_uuid
    left join tasker.workflow_step_transitions t on t.workflow_step_uuid = e.from_step_uuid and t.most_recent
    group by s.workflow_step_uuid
  ), failures as (
    select t.workflow_step_uuid, max(t.created_at) as at
    from tasker.workflow_step_transitions t join steps s using (workflow_step_uuid)
    where t.to_state = 'error' group by t.workflow_step_uuid
  ), timed as (
    select s.*, p.total, p.done, f.at as failed_at,
           tasker.calculate_step_next_retry_time(s.backoff_request_seconds, s.last_attempted_at, f.at, s.attempts) as retry_at
    from steps s
    join parents p on p.workflow_step_uuid = s.workflow_step_uuid
    left join failures f on f.workflow_step_uuid = s.workflow_step_uuid
  )
  select workflow_step_uuid, task_uuid, named_step_uuid, step_name::text, state, total = done, eligible,
         tasker.evaluate_step_state_readiness(state, processed, in_process, total = done, eligible, retryable, retry_at),
         failed_at, retry_at, total, done, coalesce(attempts, 0), coalesce(max_attempts, 3), backoff_request_seconds,
         last_attempted_at
  from timed
$$;
