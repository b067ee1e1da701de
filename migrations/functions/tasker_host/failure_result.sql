-- The StepExecutionResult document of a failure that no handler reported: the host was lost, or the result refused.
create or replace function tasker_host.failure_result(
  p_step uuid, p_error_type text, p_error_code text, p_message text, p_now timestamp
) returns jsonb
language sql stable parallel safe as $$
  select jsonb_build_object(
    'step_uuid', p_step, 'success', false, 'result', '{}'::jsonb, 'status', 'failed',
    'metadata', jsonb_build_object(
      'execution_time_ms', 0, 'handler_version', null, 'retryable', false,
      'completed_at', to_char(p_now, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'worker_id', null, 'worker_hostname', null,
      'started_at', null, 'custom', '{}'::jsonb, 'error_code', p_error_code, 'error_type', p_error_type,
      'context', '{}'::jsonb),
    'error', jsonb_build_object(
      'message', p_message, 'error_type', p_error_type, 'backtrace', null, 'retryable', false, 'context', '{}'::jsonb),
    'orchestration_metadata', jsonb_build_object(
      'headers', '{}'::jsonb, 'error_context', null, 'backoff_hint', null, 'custom', '{}'::jsonb))
$$;
