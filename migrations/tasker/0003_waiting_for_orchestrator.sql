-- Steps whose result waits for an orchestrator, and steps that wait for their retry: what `tasker_host.adopt_steps` looks for.
-- Without it, it reads the current transitions of all steps that ever were.
create index idx_workflow_step_transitions_waiting on tasker.workflow_step_transitions (workflow_step_uuid)
  where most_recent
    and to_state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration', 'waiting_for_retry');
