-- The component that has become active for a callable since the step was claimed, when nobody served it: fixed for the lease
-- like one at the claim. Null where there is still none, or the lease is not the session's any more.
create or replace function tasker_host.serve_late(p_session uuid, p_step uuid, p_epoch int, p_callable text) returns text
language sql as $$
  update tasker_host.step_leases l
  set digest = a.digest
  from tasker_host.active_callables a
  where l.workflow_step_uuid = p_step and l.epoch = p_epoch and l.session_uuid = p_session
    and l.ended_at is null and l.digest is null
    and a.namespace = l.namespace and a.callable = p_callable
  returning l.digest
$$;
