-- Up to `p_quantity` live leases that nobody works for, the oldest first: their session has ended, or they were released.
-- `p_passed`: steps that the caller knows already.
-- Reads only. Indexes: idx_step_leases_session, stepped through from one holder to the next, and idx_step_leases_released.
create or replace function tasker_host.orphaned_leases(p_namespaces text[], p_quantity int, p_passed uuid[])
returns table (step_uuid uuid, epoch int, task_uuid uuid, released boolean)
language sql stable as $$
  with recursive holders as (
    (select l.session_uuid from tasker_host.step_leases l where l.ended_at is null order by l.session_uuid limit 1)
    union all
    select (select l.session_uuid from tasker_host.step_leases l
            where l.ended_at is null and l.session_uuid > h.session_uuid order by l.session_uuid limit 1)
    from holders h
    where h.session_uuid is not null
  ), ended as (
    select h.session_uuid
    from holders h
    where h.session_uuid is not null
      and not exists (
        select from tasker_host.host_sessions s where s.session_uuid = h.session_uuid and s.ended_at is null)
  )
  select l.workflow_step_uuid, l.epoch, l.task_uuid, l.released_at is not null
  from tasker_host.step_leases l
  where l.ended_at is null and l.namespace = any (p_namespaces) and l.workflow_step_uuid <> all (p_passed)
    and (l.session_uuid in (select e.session_uuid from ended e) or l.released_at is not null)
  order by l.claimed_at, l.workflow_step_uuid
  limit p_quantity
$$;
