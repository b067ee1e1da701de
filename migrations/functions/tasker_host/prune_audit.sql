-- Deletes up to `p_limit` of the oldest audit entries, those from before `p_before`, and leaves one that says so; those of
-- the last day stay in any case, see audit_floor(). Returns how many it deleted: nothing where what is old enough is nothing
-- but such entries, or the last one would never be written.
-- Index: the primary key, whose order is that of time.
create or replace function tasker_host.prune_audit(p_actor jsonb, p_before timestamp, p_limit int) returns int
language plpgsql as $$
declare
  -- `least` would take null for no bound.
  v_before timestamp := case when p_before is not null then least(p_before, tasker_host.audit_floor()) end;
  v_deleted int;
begin
  if not exists (
    select from (
      select a.recorded_at from tasker_host.audit_entries a where a.action <> 'audit.pruned' order by a.entry_id limit 1
    ) first where first.recorded_at < v_before
  ) then
    return 0;
  end if;
  -- The table's trigger refuses every other deletion.
  perform set_config('tasker_host.pruning', 'audit', true);
  with oldest as (
    select a.entry_id, a.recorded_at from tasker_host.audit_entries a order by a.entry_id limit p_limit
  )
  delete from tasker_host.audit_entries a using oldest o where a.entry_id = o.entry_id and o.recorded_at < v_before;
  get diagnostics v_deleted = row_count;
  perform set_config('tasker_host.pruning', '', true);
  if v_deleted > 0 then
    perform tasker_host.record_audit(
      p_actor, 'audit.pruned', null,
      jsonb_build_object('entries', v_deleted, 'before', to_char(v_before, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
  end if;
  return v_deleted;
end
$$;
