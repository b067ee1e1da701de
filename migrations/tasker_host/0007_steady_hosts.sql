-- Since when hosts have been heard in this database without a gap, as far as this session knows. A host that is silent for a
-- lease is dead only where the database was to be had all that time: see `bury_dead_sessions`.
alter table tasker_host.host_sessions add column steady_since timestamp(6);
update tasker_host.host_sessions set steady_since = heartbeat_at;
alter table tasker_host.host_sessions alter column steady_since set not null;
-- Sessions that ended lately are part of that chain.
create index idx_host_sessions_ended on tasker_host.host_sessions (ended_at) where ended_at is not null;
