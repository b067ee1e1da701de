-- What was applied, by file: the first thing that stands in schema `tasker_host`.
create schema if not exists tasker_host;

create table if not exists tasker_host.migrations (
  -- Path below migrations/, for example `tasker_host/0001_sessions_and_leases.sql`.
  name text primary key,
  -- SHA-256 of the file, lowercase hex.
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp()
);
