-- Components by content, their prepared forms, and which of them serves which callable.

create table tasker_host.components (
  digest text primary key check (digest ~ '^[0-9a-f]{64}$'),
  -- As uploaded: a newer preparer starts from these again.
  bytes bytea not null,
  source_map text,
  imports text[] not null,
  exports text[] not null,
  created_at timestamp(6) not null
);
-- Uncompressed: read as a whole, and what wins by compression is paid at every load.
alter table tasker_host.components alter column bytes set storage external;

create table tasker_host.artifacts (
  digest text not null references tasker_host.components,
  preparer_version text not null,
  fuel_schedule_id text not null,
  bytes bytea not null,
  -- What the dry run of `describe` cost.
  describe_fuel bigint not null,
  created_at timestamp(6) not null,
  primary key (digest, preparer_version, fuel_schedule_id)
);
alter table tasker_host.artifacts alter column bytes set storage external;

create table tasker_host.handler_versions (
  namespace text not null,
  name text not null,
  version text not null,
  digest text not null references tasker_host.components,
  callables text[] not null,
  active boolean not null,
  created_at timestamp(6) not null,
  activated_at timestamp(6),
  primary key (namespace, name, version, digest)
);
create unique index idx_handler_versions_active on tasker_host.handler_versions (namespace, name) where active;

-- The active component of each callable: what a claim reads. The key is what keeps two components from one callable.
create table tasker_host.active_callables (
  namespace text not null,
  callable text not null,
  name text not null,
  digest text not null references tasker_host.components,
  primary key (namespace, callable)
);
create index idx_active_callables_name on tasker_host.active_callables (namespace, name);
