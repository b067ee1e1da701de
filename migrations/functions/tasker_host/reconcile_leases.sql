-- Offers leases that the session holds and its host does not know of (`p_held` are those that it knows): the answer of their
-- claim was lost. Younger ones than `p_older_than_ms` are left alone. Returns how many were offered.
-- Lock order: tasks by uuid, leases. Index: idx_step_leases_session.
create or replace function tasker_host.reconcile_leases(p_session uuid, p_held uuid[], p_older_than_ms int) returns int
language sql as $$
  select tasker_host.release_leases(p_session, array(
    select l.workflow_step_uuid
    from tasker_host.step_leases l
    where l.session_uuid = p_session and l.ended_at is null
      and l.workflow_step_uuid <> all (p_held)
      and l.claimed_at < tasker_host.current_time() - p_older_than_ms * interval '1 millisecond'))
$$;
