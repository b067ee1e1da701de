-- What makes a claim safe: sessions of hosts, and leases of steps that point to them. No foreign keys into schema `tasker`:
-- on a database of tasker-core nothing is added to its tables, and a foreign key is a trigger on both sides.

create table tasker_host.host_sessions (
  session_uuid uuid primary key,
  host_name text not null,
  process_id integer not null,
  host_version text not null,
  -- Without a heartbeat for this long the session is dead.
  lease_ms integer not null check (lease_ms > 0),
  started_at timestamp(6) not null,
  heartbeat_at timestamp(6) not null,
  -- Set once, by the host itself ('closed') or by another one ('dead'). Never cleared: a dead session is not revived.
  ended_at timestamp(6),
  ended_as text check (ended_as in ('closed', 'dead')),
  check ((ended_at is null) = (ended_as is null))
) with (fillfactor = 50);
create index idx_host_sessions_live on tasker_host.host_sessions (session_uuid) where ended_at is null;

-- Every lease that a host of ours ever had of a step, the live one (`ended_at` is null) among them: one row for each start
-- of a handler, with the component that ran. A step in progress without a live lease belongs to another kind of worker.
create table tasker_host.step_leases (
  workflow_step_uuid uuid not null,
  -- Fences reports: the nth lease of the step has epoch n, whatever its attempt.
  epoch integer not null check (epoch > 0),
  attempt integer not null,
  task_uuid uuid not null,
  namespace text not null,
  session_uuid uuid not null,
  -- SHA-256 of the component that was active at the claim; null where a native handler or nobody serves the callable.
  digest text,
  claimed_at timestamp(6) not null,
  -- Offered to other hosts by a host that shuts down: the next lease runs the same attempt.
  released_at timestamp(6),
  ended_at timestamp(6),
  -- 'recorded': a report of this lease was accepted. 'taken_over': its host died. 'handed_over': it was released.
  -- 'exhausted': its host died and the step may not run again. 'superseded': the step was moved on by somebody else.
  ended_as text check (ended_as in ('recorded', 'taken_over', 'handed_over', 'exhausted', 'superseded')),
  primary key (workflow_step_uuid, epoch),
  check ((ended_at is null) = (ended_as is null))
);
create unique index idx_step_leases_live on tasker_host.step_leases (workflow_step_uuid) where ended_at is null;
create index idx_step_leases_session on tasker_host.step_leases (session_uuid) where ended_at is null;
create index idx_step_leases_released on tasker_host.step_leases (namespace) where ended_at is null and released_at is not null;

-- When a step that waits for its retry may run again: one row a waiting step, so that waking them reads an index in order
-- of time and nothing else.
create table tasker_host.step_retries (
  workflow_step_uuid uuid primary key,
  task_uuid uuid not null,
  due_at timestamp(6) not null
);
create index idx_step_retries_due on tasker_host.step_retries (due_at);

-- Why a message was archived without a claim; the message itself stands in the queue's archive under its id.
create table tasker_host.archived_messages (
  queue_name text not null,
  msg_id bigint not null,
  reason text not null,
  workflow_step_uuid uuid,
  archived_at timestamp(6) not null,
  primary key (queue_name, msg_id)
);
