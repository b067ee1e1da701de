-- Steps of a namespace that may still need a component: leased with it now, or waiting to be tried again after it ran them.
-- Locks: holds back claims until the transaction ends, so that none that began before is missed.
create or replace function tasker_host.digest_in_use(p_namespace text, p_digest text) returns table (leased bigint, waiting bigint)
language plpgsql as $$
begin
  lock table tasker_host.step_leases in share mode;
  return query select
    (select count(*) from tasker_host.step_leases l
     where l.ended_at is null and l.digest = p_digest and l.namespace = p_namespace),
    (select count(*)
     from tasker_host.step_retries r
     cross join lateral (
       select l.digest, l.namespace from tasker_host.step_leases l
       where l.workflow_step_uuid = r.workflow_step_uuid order by l.epoch desc limit 1
     ) l
     where l.digest = p_digest and l.namespace = p_namespace);
end
$$;
