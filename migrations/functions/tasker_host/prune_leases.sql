-- Deletes the history of leases of steps whose task finished before `p_before`: all leases of a step or none, as the next
-- epoch of a step is counted from them. Looks at `p_limit` leases behind `p_after` in the order of their steps' uuids; `next`
-- is where to go on, null at the end.
-- Locks: ended leases of finished tasks. Index: the primary key of leases.
create or replace function tasker_host.prune_leases(p_before timestamp, p_after uuid, p_limit int)
returns table (leases int, next uuid)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  v_looked_at uuid[];
  v_steps uuid[];
  v_deleted int;
begin
  v_looked_at := array(
    select l.workflow_step_uuid from tasker_host.step_leases l
    where l.workflow_step_uuid > p_after and l.workflow_step_uuid < tasker_host.first_uuid_at(p_before)
    order by l.workflow_step_uuid limit p_limit);
  v_steps := array(
    select distinct l.workflow_step_uuid from tasker_host.step_leases l
    where l.workflow_step_uuid = any (v_looked_at) and tasker_host.is_finished(l.task_uuid, p_before));
  delete from tasker_host.step_leases l
  where l.workflow_step_uuid = any (v_steps)
    and not exists (
      select from tasker_host.step_leases live
      where live.workflow_step_uuid = l.workflow_step_uuid and live.ended_at is null);
  get diagnostics v_deleted = row_count;
  return query
    select v_deleted, case when cardinality(v_looked_at) = p_limit then v_looked_at[p_limit] end;
end
$$;
