-- Offers leases that the session holds and its host does not know of (`p_held` are those that it knows): the answer of their
-- claim was lost, so no handler saw them. Only leases that were claimed before `p_before` count, which is what an earlier
-- call returned as `looked_at`: the host has heard since then of every claim that was under way, or never will.
-- Lock order: tasks by uuid, leases. Index: idx_step_leases_session.
create or replace function tasker_host.reconcile_leases(p_session uuid, p_held uuid[], p_before timestamp)
returns table (released int, looked_at timestamp)
language sql as $$
  select tasker_host.release_leases(p_session, array(
           select l.workflow_step_uuid
           from tasker_host.step_leases l
           where l.session_uuid = p_session and l.ended_at is null and l.released_at is null
             and l.workflow_step_uuid <> all (p_held) and l.claimed_at < p_before), 'not_started'),
         tasker_host.current_time()
$$;
