-- Deletes up to `p_limit` sessions of hosts that ended before `p_before` and hold no lease. Returns how many.
-- Locks: those rows, skipping locked ones. There are few: a host that runs for a month has one.
create or replace function tasker_host.prune_sessions(p_before timestamp, p_limit int) returns int
language plpgsql as $$
declare
  v_deleted int;
begin
  delete from tasker_host.host_sessions s
  where s.session_uuid in (
    select e.session_uuid from tasker_host.host_sessions e
    where e.ended_at < p_before
      and not exists (select from tasker_host.step_leases l where l.session_uuid = e.session_uuid and l.ended_at is null)
    order by e.session_uuid limit p_limit for update skip locked);
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
