-- Versions of handlers that are promoted and rolled back, what a namespace may import and use, and the digests of what is
-- stored.

-- What of the host a component needs, by the names that grants use: derived from its imports when it is registered.
alter table tasker_host.components add column capabilities text[] not null default '{}';
update tasker_host.components c
set capabilities = array(
  select distinct case when i.name like 'wasi:%' then 'wasi' else 'log' end
  from unnest(c.imports) i (name)
  where i.name like 'wasi:%' or i.name like 'tasker:handler/log@%'
  order by 1);

-- Of the stored bytes: what a host compares whatever it reads with, from here or from its disk.
alter table tasker_host.artifacts add column sha256 text;
update tasker_host.artifacts set sha256 = encode(sha256(bytes), 'hex');
alter table tasker_host.artifacts alter column sha256 set not null;
alter table tasker_host.artifacts add check (sha256 ~ '^[0-9a-f]{64}$');

-- A version names one content. Of several that bear its name the active one stays, else the last one.
delete from tasker_host.handler_versions v
using tasker_host.handler_versions other
where other.namespace = v.namespace and other.name = v.name and other.version = v.version and other.digest <> v.digest
  and (other.active, other.created_at, other.digest) > (v.active, v.created_at, v.digest);
alter table tasker_host.handler_versions drop constraint handler_versions_pkey;
alter table tasker_host.handler_versions add primary key (namespace, name, version);
create index idx_handler_versions_digest on tasker_host.handler_versions (digest);

-- Actors as in the audit: {"kind","name","origin"}.
alter table tasker_host.handler_versions add column uploaded_by jsonb;
update tasker_host.handler_versions set uploaded_by = '{"kind":"local","name":"unknown","origin":"before the registry"}';
alter table tasker_host.handler_versions alter column uploaded_by set not null;
-- Set: it may become active although it imports more than the version that is active then.
alter table tasker_host.handler_versions add column approved_at timestamp(6);
alter table tasker_host.handler_versions add column approved_by jsonb;
alter table tasker_host.handler_versions add check ((approved_at is null) = (approved_by is null));
-- Set: it may not become active any more.
alter table tasker_host.handler_versions add column deprecated_at timestamp(6);

-- One row for each time that a version became active. They stay when the version is deleted.
create table tasker_host.handler_activations (
  activation_id bigint generated always as identity primary key,
  namespace text not null,
  name text not null,
  version text not null,
  digest text not null,
  reason text not null check (reason in ('promoted', 'rolled_back')),
  activated_at timestamp(6) not null,
  activated_by jsonb not null,
  replaced_version text,
  replaced_digest text,
  -- What a roll back returns to. After one it is what that activation would have returned to: the next goes further back.
  previous_id bigint references tasker_host.handler_activations,
  check ((replaced_version is null) = (replaced_digest is null))
);
create index idx_handler_activations_name on tasker_host.handler_activations (namespace, name, activation_id);
insert into tasker_host.handler_activations (namespace, name, version, digest, reason, activated_at, activated_by)
select v.namespace, v.name, v.version, v.digest, 'promoted', coalesce(v.activated_at, v.created_at), v.uploaded_by
from tasker_host.handler_versions v where v.active;

-- What the handlers of a namespace may import, and what their runs may cost. A namespace without a row has the defaults of
-- the host's configuration.
create table tasker_host.namespace_grants (
  namespace text primary key,
  capabilities text[] not null,
  -- Absent members: the host's own limits. {"fuel","max_memory_bytes","deadline_ms","max_payload_bytes",…}
  limits jsonb not null check (jsonb_typeof(limits) = 'object'),
  changed_at timestamp(6) not null,
  changed_by jsonb not null
);

-- Which steps a component ran.
create index idx_step_leases_digest on tasker_host.step_leases (digest, claimed_at) where digest is not null;

-- Followed by promote_version().
drop function if exists tasker_host.activate_handler(text, text, text, text, text[]);
delete from tasker_host.migrations where name = 'functions/tasker_host/activate_handler.sql';
