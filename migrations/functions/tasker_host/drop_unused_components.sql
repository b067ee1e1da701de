-- Deletes components that no version has and no lease runs with, and their prepared forms. One that is being registered in
-- this moment is kept by its row's lock.
create or replace function tasker_host.drop_unused_components() returns void
language plpgsql as $$
declare
  v_unused text[] := array(
    select c.digest from tasker_host.components c
    where not exists (select from tasker_host.handler_versions v where v.digest = c.digest)
      and not exists (select from tasker_host.step_leases l where l.digest = c.digest and l.ended_at is null)
      and not exists (select from tasker_host.active_callables a where a.digest = c.digest)
    order by c.digest
    for update of c skip locked);
begin
  delete from tasker_host.artifacts a where a.digest = any (v_unused);
  delete from tasker_host.components c where c.digest = any (v_unused);
end
$$;
