-- What holds in a database of tasker-host after whatever happened to its hosts. `tasker-host verify` runs this file, and so
-- can anybody with psql:
--
--   psql "$DATABASE_URL" -f migrations/verify.sql
--
-- Each statement is one invariant. It reads one snapshot, changes nothing, takes no lock that a host waits for, and returns
-- the first hundred rows that break it: nothing, where all is well. What is named `drained:` holds once nothing is under way
-- any more: run it on a system at rest, and read it with a grain of salt elsewhere.
--
-- What it costs is a walk over the transitions since `tasker_host.verify_from` (a task's or step's uuid; unset: all).
-- `tasker_host.verify_settle` (an interval, default one minute) leaves alone what an orchestrator of Tasker's own may be in
-- the middle of; '0' for a system at rest. `tasker_host.verify_patience` (default five minutes) is how long hosts may take to
-- see to what waits for them.

-- invariant: step_chain_unbroken
-- A step's transitions are numbered without a gap, and each starts in the state where the one before it ended.
select chain.workflow_step_uuid as subject,
       format('transition %s: %s → %s after %s', chain.sort_key, chain.from_state, chain.to_state, chain.state_before) as found
from (
  select t.*, lag(t.to_state) over steps as state_before, row_number() over steps as n
  from tasker.workflow_step_transitions t
  where t.workflow_step_uuid >= tasker_host.verify_from()
  window steps as (partition by t.workflow_step_uuid order by t.sort_key)
) chain
where chain.sort_key <> chain.n
   -- A step that was added to a running task has no transition to `pending`.
   or chain.from_state is distinct from coalesce(chain.state_before, case when chain.from_state = 'pending' then 'pending' end)
limit 100;

-- invariant: task_chain_unbroken
-- A task's transitions are numbered without a gap, and each starts in the state where the one before it ended.
select chain.task_uuid as subject,
       format('transition %s: %s → %s after %s', chain.sort_key, chain.from_state, chain.to_state, chain.state_before) as found
from (
  select t.*, lag(t.to_state) over tasks as state_before, row_number() over tasks as n
  from tasker.task_transitions t
  where t.task_uuid >= tasker_host.verify_from()
  window tasks as (partition by t.task_uuid order by t.sort_key)
) chain
where chain.sort_key <> chain.n or chain.from_state is distinct from chain.state_before
limit 100;

-- invariant: step_one_most_recent
-- Of a step's transitions one is the most recent, and it is the last.
select t.workflow_step_uuid as subject,
       format('%s of %s transitions are most recent, the last one %s', count(*) filter (where t.most_recent), count(*),
              case when (array_agg(t.most_recent order by t.sort_key desc))[1] then 'is' else 'is not' end) as found
from tasker.workflow_step_transitions t
where t.workflow_step_uuid >= tasker_host.verify_from()
group by t.workflow_step_uuid
having count(*) filter (where t.most_recent) <> 1 or max(t.sort_key) <> max(t.sort_key) filter (where t.most_recent)
limit 100;

-- invariant: task_one_most_recent
-- Of a task's transitions one is the most recent, and it is the last.
select t.task_uuid as subject,
       format('%s of %s transitions are most recent, the last one %s', count(*) filter (where t.most_recent), count(*),
              case when (array_agg(t.most_recent order by t.sort_key desc))[1] then 'is' else 'is not' end) as found
from tasker.task_transitions t
where t.task_uuid >= tasker_host.verify_from()
group by t.task_uuid
having count(*) filter (where t.most_recent) <> 1 or max(t.sort_key) <> max(t.sort_key) filter (where t.most_recent)
limit 100;

-- invariant: step_transitions_legal
-- A step changes its state along the arrows of docs/states.md only.
select t.workflow_step_uuid as subject, format('%s → %s', t.from_state, t.to_state) as found
from tasker.workflow_step_transitions t
where t.workflow_step_uuid >= tasker_host.verify_from() and t.from_state is not null
  and (t.from_state, t.to_state) not in (
    select s.from_state, s.to_state from tasker_host.state_transitions() s where s.machine = 'step')
limit 100;

-- invariant: task_transitions_legal
-- A task changes its state along the arrows of docs/states.md only.
select t.task_uuid as subject, format('%s → %s', t.from_state, t.to_state) as found
from tasker.task_transitions t
where t.task_uuid >= tasker_host.verify_from() and t.from_state is not null
  and (t.from_state, t.to_state) not in (
    select s.from_state, s.to_state from tasker_host.state_transitions() s where s.machine = 'task')
limit 100;

-- invariant: completed_once
-- A step completes at most once.
select t.workflow_step_uuid as subject, format('completed %s times', count(*)) as found
from tasker.workflow_step_transitions t
where t.to_state = 'complete' and t.workflow_step_uuid >= tasker_host.verify_from()
group by t.workflow_step_uuid
having count(*) > 1
limit 100;

-- invariant: finalized_once
-- A task completes at most once, and its row says so just then.
select t.task_uuid as subject,
       format('in state %s, complete is %s, completed %s times', current.to_state, t.complete, current.completions) as found
from tasker.tasks t
cross join lateral (
  select count(*) filter (where s.to_state = 'complete') as completions,
         max(s.to_state) filter (where s.most_recent) as to_state,
         max(s.created_at) as changed_at
  from tasker.task_transitions s where s.task_uuid = t.task_uuid
) current
where t.task_uuid >= tasker_host.verify_from()
  and (current.completions > 1
       or (current.completions = 1 and not t.complete and current.changed_at <= tasker_host.verify_until())
       or (current.completions = 0 and t.complete and current.to_state is distinct from 'resolved_manually'
           and current.changed_at <= tasker_host.verify_until()))
limit 100;

-- invariant: complete_tasks_are_done
-- A complete task has no unfinished step.
select s.workflow_step_uuid as subject, format('%s in the complete task %s', coalesce(state.name, 'pending'), s.task_uuid) as found
from tasker.task_transitions t
join tasker.workflow_steps s on s.task_uuid = t.task_uuid
left join lateral (
  select st.to_state as name from tasker.workflow_step_transitions st
  where st.workflow_step_uuid = s.workflow_step_uuid and st.most_recent limit 1
) state on true
where t.most_recent and t.to_state = 'complete' and t.task_uuid >= tasker_host.verify_from()
  and coalesce(state.name, 'pending') not in ('complete', 'resolved_manually', 'cancelled')
limit 100;

-- invariant: parents_before_children
-- A step is enqueued after each of its parents was done.
select child.workflow_step_uuid as subject, format('enqueued at %s before its parent %s was done', child.created_at, e.from_step_uuid) as found
from tasker.workflow_step_edges e
join tasker.workflow_step_transitions child on child.workflow_step_uuid = e.to_step_uuid and child.to_state = 'enqueued'
where e.to_step_uuid >= tasker_host.verify_from()
  and not exists (
    select from tasker.workflow_step_transitions parent
    where parent.workflow_step_uuid = e.from_step_uuid and parent.to_state in ('complete', 'resolved_manually')
      and parent.created_at <= child.created_at)
limit 100;

-- invariant: epochs_count_starts
-- The nth lease of a step has epoch n.
select l.workflow_step_uuid as subject, format('%s leases, epochs %s to %s', count(*), min(l.epoch), max(l.epoch)) as found
from tasker_host.step_leases l
where l.workflow_step_uuid >= tasker_host.verify_from()
group by l.workflow_step_uuid
having max(l.epoch) <> count(*)
limit 100;

-- invariant: attempts_within_starts
-- A step has no more attempts than its handler had starts: claims (of any worker), and leases that came by taking over.
-- A step without leases ran elsewhere, or they were pruned.
select s.workflow_step_uuid as subject,
       format('%s attempts, %s claims, %s leases after one that was lost', s.attempts, starts.claims, starts.taken_over) as found
from tasker.workflow_steps s
cross join lateral (
  select (select count(*) from tasker.workflow_step_transitions t
          where t.workflow_step_uuid = s.workflow_step_uuid and t.to_state = 'in_progress') as claims,
         (select count(*) from tasker_host.step_leases l
          where l.workflow_step_uuid = s.workflow_step_uuid and l.ended_as in ('taken_over', 'given_up')) as taken_over
) starts
where s.attempts > 0 and s.workflow_step_uuid >= tasker_host.verify_from() and s.attempts > starts.claims + starts.taken_over
  and exists (select from tasker_host.step_leases l where l.workflow_step_uuid = s.workflow_step_uuid)
limit 100;

-- invariant: leases_follow_claims
-- A lease comes by a claim or from another lease: never more leases than those.
select l.workflow_step_uuid as subject, format('%s leases, %s passed on, %s claims', l.leases, l.passed_on, claims.n) as found
from (
  select workflow_step_uuid, count(*) as leases, count(*) filter (where ended_as in ('taken_over', 'handed_over', 'given_up')) as passed_on
  from tasker_host.step_leases
  where workflow_step_uuid >= tasker_host.verify_from()
  group by workflow_step_uuid
) l
cross join lateral (
  select count(*) as n from tasker.workflow_step_transitions t
  where t.workflow_step_uuid = l.workflow_step_uuid and t.to_state = 'in_progress'
) claims
where l.leases > l.passed_on + claims.n
limit 100;

-- invariant: flags_match_state
-- `in_process` and `processed` of a step say what its state says.
select s.workflow_step_uuid as subject, format('%s, in_process is %s, processed is %s', t.to_state, s.in_process, s.processed) as found
from tasker.workflow_steps s
join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
where s.workflow_step_uuid >= tasker_host.verify_from()
  and (s.in_process <> (t.to_state = 'in_progress')
       or s.processed <> (t.to_state in ('complete', 'resolved_manually', 'cancelled')))
  and t.created_at <= tasker_host.verify_until()
limit 100;

-- invariant: leases_belong_to_running_steps
-- A step with a live lease is in progress.
select l.workflow_step_uuid as subject, format('lease %s is live, the step is %s', l.epoch, coalesce(t.to_state, 'pending')) as found
from tasker_host.step_leases l
left join lateral (
  select t.to_state, t.created_at from tasker.workflow_step_transitions t
  where t.workflow_step_uuid = l.workflow_step_uuid and t.most_recent limit 1
) t on true
-- An operator may resolve a step while its handler runs: the lease ends when its host reports.
where l.ended_at is null and t.to_state is distinct from 'in_progress'
  and coalesce(t.created_at <= tasker_host.verify_until() - coalesce(
        (select s.lease_ms from tasker_host.host_sessions s where s.session_uuid = l.session_uuid), 0) * interval '1 millisecond',
      true)
limit 100;

-- invariant: running_steps_have_a_lease
-- A step that a host of ours claimed and that is in progress still has a live lease: without one nobody would ever take it over.
select t.workflow_step_uuid as subject, format('in progress since %s, lease %s ended as %s', t.created_at, l.epoch, l.ended_as) as found
from tasker.workflow_step_transitions t
cross join lateral (
  select l.* from tasker_host.step_leases l where l.workflow_step_uuid = t.workflow_step_uuid order by l.epoch desc limit 1
) l
where t.most_recent and t.to_state = 'in_progress' and t.workflow_step_uuid >= tasker_host.verify_from()
  and l.ended_at is not null and l.claimed_at >= t.created_at
limit 100;

-- invariant: leases_have_sessions
-- A live lease points to the session of a host.
select l.workflow_step_uuid as subject, format('lease %s of session %s, which nobody knows', l.epoch, l.session_uuid) as found
from tasker_host.step_leases l
where l.ended_at is null
  and not exists (select from tasker_host.host_sessions s where s.session_uuid = l.session_uuid)
limit 100;

-- invariant: orphan_leases_are_taken_over
-- A live lease whose host is gone, or that was offered, does not stay: another host takes it over.
select l.workflow_step_uuid as subject, format('lease %s of session %s, without a holder since %s', l.epoch, l.session_uuid, gone.at) as found
from tasker_host.step_leases l
cross join lateral (
  select least(l.released_at, (
    select least(s.ended_at, s.heartbeat_at + s.lease_ms * interval '1 millisecond')
    from tasker_host.host_sessions s where s.session_uuid = l.session_uuid)) as at
) gone
where l.ended_at is null and gone.at <= (select tasker_host.verify_overdue())
limit 100;

-- invariant: at_most_once_starts_once
-- A step that may not run twice has one lease, beside those that no handler saw: another one only after somebody reset it.
select l.workflow_step_uuid as subject, format('%s starts, reset %s times', l.starts, resets.n) as found
from (
  select workflow_step_uuid, count(*) as starts
  from tasker_host.step_leases
  where workflow_step_uuid >= tasker_host.verify_from() and released_as is distinct from 'not_started'
  group by workflow_step_uuid
  having count(*) > 1
) l
join tasker.workflow_steps s on s.workflow_step_uuid = l.workflow_step_uuid and s.retryable = false
cross join lateral (
  select count(*) as n from tasker.workflow_step_transitions t
  where t.workflow_step_uuid = l.workflow_step_uuid and t.from_state = 'error' and t.to_state = 'pending'
) resets
where l.starts > 1 + resets.n
limit 100;

-- invariant: enqueued_steps_have_a_message
-- A step that is enqueued has a message in its queue: without one nobody would ever claim it.
select t.workflow_step_uuid as subject, format('enqueued since %s without a message', t.created_at) as found
from tasker.workflow_step_transitions t
where t.most_recent and t.to_state = 'enqueued' and t.workflow_step_uuid >= tasker_host.verify_from()
  and t.created_at <= tasker_host.verify_until()
  and not exists (
    select from (select m.step_uuid from tasker_host.queued_messages() m offset 0) m
    where m.step_uuid = t.workflow_step_uuid)
limit 100;

-- invariant: waiting_steps_have_a_time
-- A step that waits for its retry has a time to wake at. Where tasker-core orchestrates it keeps that time itself.
select t.workflow_step_uuid as subject, format('waits since %s without a time', t.created_at) as found
from tasker.workflow_step_transitions t
where t.most_recent and t.to_state = 'waiting_for_retry' and t.workflow_step_uuid >= tasker_host.verify_from()
  and not tasker_host.audit_by_trigger()
  and t.created_at <= tasker_host.verify_until()
  and not exists (select from tasker_host.step_retries r where r.workflow_step_uuid = t.workflow_step_uuid)
limit 100;

-- invariant: retries_belong_to_waiting_steps
-- Only a step that waits for its retry has a time to wake at, once that time has come.
select r.workflow_step_uuid as subject, format('to wake at %s, the step is %s', r.due_at, coalesce(t.to_state, 'pending')) as found
from tasker_host.step_retries r
left join lateral (
  select t.to_state from tasker.workflow_step_transitions t
  where t.workflow_step_uuid = r.workflow_step_uuid and t.most_recent limit 1
) t on true
where r.due_at <= tasker_host.verify_until() and t.to_state is distinct from 'waiting_for_retry'
limit 100;

-- invariant: messages_belong_to_enqueued_steps
-- A message of a step that is over, or of none, does not stay: the next claim archives it. It waits behind others at the most.
with messages as (
  select m.*, t.to_state, s.workflow_step_uuid is not null as is_known,
         coalesce(bool_or(t.to_state = 'enqueued') over (
           partition by m.queue_name order by m.msg_id rows between unbounded preceding and 1 preceding), false) as has_to_wait
  from tasker_host.queued_messages() m
  left join tasker.workflow_steps s on s.workflow_step_uuid = m.step_uuid
  left join tasker.workflow_step_transitions t on t.workflow_step_uuid = m.step_uuid and t.most_recent
)
select m.step_uuid as subject, format('message %s in %s since %s, the step is %s', m.msg_id, m.queue_name, m.visible_at,
              case when m.is_known then coalesce(m.to_state, 'pending') else 'unknown' end) as found
from messages m
where (not m.is_known or m.to_state in ('complete', 'error', 'cancelled', 'resolved_manually'))
  and not m.has_to_wait and m.visible_at <= (select tasker_host.verify_overdue())
limit 100;

-- invariant: due_retries_are_woken
-- A step that waits for its retry is enqueued when its time has come. Where tasker-core orchestrates it wakes them itself.
select r.workflow_step_uuid as subject, format('waits since %s for %s', t.created_at, r.due_at) as found
from tasker_host.step_retries r
join tasker.workflow_step_transitions t
  on t.workflow_step_uuid = r.workflow_step_uuid and t.most_recent and t.to_state = 'waiting_for_retry'
where r.due_at <= (select tasker_host.verify_overdue()) and not tasker_host.audit_by_trigger()
limit 100;

-- invariant: results_have_an_audit_row
-- Each result that was reported has one row in the audit of results.
select t.workflow_step_uuid as subject, format('%s audit rows of transition %s', audit.n, t.workflow_step_transition_uuid) as found
from tasker.workflow_step_transitions t
cross join lateral (
  select count(*) as n from tasker.workflow_step_result_audit a
  where a.workflow_step_uuid = t.workflow_step_uuid and a.workflow_step_transition_uuid = t.workflow_step_transition_uuid
) audit
where t.to_state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
  and t.workflow_step_uuid >= tasker_host.verify_from() and audit.n <> 1
limit 100;

-- invariant: ready_steps_are_enqueued
-- A step whose parents are all done does not stay pending while its task is in process: a join that was lost would.
select s.workflow_step_uuid as subject, format('pending in task %s, all parents are done', s.task_uuid) as found
from tasker.task_transitions tt
join tasker.workflow_steps s on s.task_uuid = tt.task_uuid
left join lateral (
  select t.to_state from tasker.workflow_step_transitions t
  where t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent limit 1
) state on true
cross join lateral (
  select bool_and(coalesce(t.to_state in ('complete', 'resolved_manually'), false)) as all_done, max(t.created_at) as done_at
  from tasker.workflow_step_edges e
  left join tasker.workflow_step_transitions t on t.workflow_step_uuid = e.from_step_uuid and t.most_recent
  where e.to_step_uuid = s.workflow_step_uuid
) parents
where tt.most_recent and tt.to_state in ('steps_in_process', 'waiting_for_dependencies') and tt.task_uuid >= tasker_host.verify_from()
  and coalesce(state.to_state, 'pending') = 'pending' and coalesce(parents.all_done, true)
  and greatest(parents.done_at, tt.created_at) <= tasker_host.verify_until()
limit 100;

-- invariant: no_task_stuck
-- A task that has not ended has a step that is enqueued, running, reported or waiting for its retry.
select tt.task_uuid as subject, format('%s since %s, and nothing is under way', tt.to_state, tt.created_at) as found
from tasker.task_transitions tt
where tt.most_recent and tt.task_uuid >= tasker_host.verify_from()
  and tt.to_state not in ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures')
  and tt.created_at <= tasker_host.verify_until()
  and not exists (
    select from tasker.workflow_steps s
    join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
    where s.task_uuid = tt.task_uuid
      and (t.to_state in ('enqueued', 'in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration',
                          'waiting_for_retry')
           or t.created_at > tasker_host.verify_until()))
limit 100;

-- invariant: blocked_tasks_have_an_error
-- A task that is blocked by failures has a step in error.
select tt.task_uuid as subject, 'blocked by failures without a step in error' as found
from tasker.task_transitions tt
where tt.most_recent and tt.to_state = 'blocked_by_failures' and tt.task_uuid >= tasker_host.verify_from()
  and tt.created_at <= tasker_host.verify_until()
  and not exists (
    select from tasker.workflow_steps s
    join tasker.workflow_step_transitions t on t.workflow_step_uuid = s.workflow_step_uuid and t.most_recent
    where s.task_uuid = tt.task_uuid and t.to_state = 'error')
limit 100;

-- invariant: drained: nothing_unfinished
-- Every task has come to an end, or is blocked by failures.
select tt.task_uuid as subject, format('%s since %s', tt.to_state, tt.created_at) as found
from tasker.task_transitions tt
where tt.most_recent and tt.task_uuid >= tasker_host.verify_from()
  and tt.to_state not in ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures')
limit 100;

-- invariant: drained: no_step_under_way
-- No step is enqueued, running, reported or waiting for its retry.
select t.workflow_step_uuid as subject, format('%s since %s', t.to_state, t.created_at) as found
from tasker.workflow_step_transitions t
where t.most_recent and t.workflow_step_uuid >= tasker_host.verify_from()
  and t.to_state in ('enqueued', 'in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration',
                     'waiting_for_retry')
limit 100;

-- invariant: drained: no_message_left
-- No message is left in a step queue.
select m.step_uuid as subject, format('message %s in %s', m.msg_id, m.queue_name) as found
from tasker_host.queued_messages() m
limit 100;

-- invariant: drained: no_lease_left
-- No lease is live.
select l.workflow_step_uuid as subject, format('lease %s of session %s since %s', l.epoch, l.session_uuid, l.claimed_at) as found
from tasker_host.step_leases l
where l.ended_at is null
limit 100;

-- invariant: drained: no_retry_left
-- No step has a time to wake at.
select r.workflow_step_uuid as subject, format('to wake at %s', r.due_at) as found
from tasker_host.step_retries r
limit 100;
