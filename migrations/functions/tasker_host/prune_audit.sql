-- Deletes up to `p_limit` of the oldest audit entries, those from before `p_before`. Returns how many.
-- Index: the primary key, whose order is that of time.
create or replace function tasker_host.prune_audit(p_before timestamp, p_limit int) returns int
language plpgsql as $$
declare
  v_deleted int;
begin
  -- The table's trigger refuses every other deletion.
  perform set_config('tasker_host.pruning', 'audit', true);
  with oldest as (
    select a.entry_id, a.recorded_at from tasker_host.audit_entries a order by a.entry_id limit p_limit
  )
  delete from tasker_host.audit_entries a using oldest o where a.entry_id = o.entry_id and o.recorded_at < p_before;
  get diagnostics v_deleted = row_count;
  perform set_config('tasker_host.pruning', '', true);
  return v_deleted;
end
$$;
