-- What a version number stands for stays known when its version is gone, grants are changed member by member, and the trail
-- names tokens by more than a name that another one may take.

-- What registers meanwhile waits: it would be missed below.
lock table tasker_host.handler_versions in access exclusive mode;

-- Every digest that a version ever had, the last one with the highest binding. They stay when the version is deleted: its
-- number is then free for the same bytes only. More than one: a developer's own host put other bytes in its place.
create table tasker_host.version_digests (
  namespace text not null,
  name text not null,
  version text not null,
  digest text not null,
  binding_id bigint generated always as identity,
  primary key (namespace, name, version, digest)
);
insert into tasker_host.version_digests (namespace, name, version, digest)
select b.namespace, b.name, b.version, b.digest
from (
  select a.namespace, a.name, a.version, a.digest, a.activated_at as at, 1 as sure from tasker_host.handler_activations a
  union all
  select e.namespace, e.subject ->> 'name', e.subject ->> 'version', e.subject ->> 'digest', e.recorded_at, 1
  from tasker_host.audit_entries e
  where e.action = 'handler.uploaded' and e.namespace is not null
    and e.subject ->> 'name' is not null and e.subject ->> 'version' is not null and e.subject ->> 'digest' is not null
  union all
  -- What there is now came last, whatever the clocks said.
  select v.namespace, v.name, v.version, v.digest, v.created_at, 2 from tasker_host.handler_versions v
) b
group by b.namespace, b.name, b.version, b.digest
order by max(b.sure), max(b.at);

alter table tasker_host.handler_versions add column deprecated_by jsonb;

-- For last_server_of().
create index idx_handler_activations_callables on tasker_host.handler_activations using gin (callables);

-- Null: the host's default, as for a limit that is absent. Who set a limit has not thereby said what may be imported.
alter table tasker_host.namespace_grants alter column capabilities drop not null;

-- Of a token: its name may belong to another one later.
alter table tasker_host.audit_entries add column actor_handle text;

-- Pruning takes old entries only, whoever says that it prunes. By the real clock: `tasker_host.now` is anybody's to set.
create or replace function tasker_host.refuse_audit_change() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('tasker_host.pruning', true) = 'audit' then
    if old.recorded_at < tasker_host.audit_floor() then
      return old;
    end if;
    raise exception 'Cannot delete audit entries of the last day, not even by pruning' using errcode = 'insufficient_privilege';
  end if;
  raise exception 'Cannot % audit entries: they are only ever added', lower(tg_op) using errcode = 'insufficient_privilege';
end
$$;
