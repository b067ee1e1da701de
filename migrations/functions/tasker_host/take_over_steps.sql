-- Takes over up to `p_quantity` steps that nobody works for: those of sessions that ended (overdue ones are ended here, by
-- the database's clock), and released ones. Only the lease changes, the step stays `in_progress`: a new epoch, and a new
-- attempt unless it was released. Returns rows as `claim_steps` does.
--
-- A step that may not run again (it is not retryable, or a dead host had its last attempt) is not run: it fails with code
-- TSK_STEP_HOST_LOST, and is orchestrated (`p_orchestrate`) or reported to the orchestrator like any failure. So a step that
-- kills its hosts ends too.
--
-- Raises TH001 where the caller's own session has ended.
-- Lock order: sessions, tasks by uuid, transitions, steps, leases, new queue rows.
create or replace function tasker_host.take_over_steps(
  p_session uuid, p_namespaces text[], p_quantity int, p_native text[], p_orchestrate boolean, p_rules jsonb
) returns table (
  verdict text, reason text, msg_id bigint,
  step_uuid uuid, task_uuid uuid, epoch int, attempt int, max_attempts int, retryable boolean,
  namespace text, task_name text, task_version text, step_name text, template_step_name text,
  correlation_id uuid, parent_correlation_id uuid, callable text, method text, timeout_seconds float8, digest text,
  context text, inputs text, config text, dependency_results text, checkpoint text, priority int
)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  v_now timestamp := tasker_host.current_time();
  v_orphans record;
  v_found record;
begin
  perform tasker_host.require_live_session(p_session);
  perform tasker_host.bury_dead_sessions(p_session);

  select array_agg(o.step_uuid) as steps, array_agg(o.epoch) as epochs, array_agg(distinct o.task_uuid) as tasks
  into v_orphans
  from tasker_host.orphaned_leases(p_namespaces, p_quantity) o;
  if v_orphans.steps is null then
    return;
  end if;
  perform tasker_host.lock_tasks(v_orphans.tasks);

  -- Under the locks: which of them are still there, still in progress, and which may run.
  select coalesce(array_agg(c.step_uuid) filter (where c.moved_on), '{}') as superseded,
         coalesce(array_agg(c.step_uuid) filter (where not c.moved_on and c.runs), '{}') as running,
         coalesce(array_agg(c.step_uuid) filter (where not c.moved_on and c.runs and c.released), '{}') as resumed,
         coalesce(array_agg(c.step_uuid) filter (where not c.moved_on and not c.runs), '{}') as lost,
         coalesce(array_agg(c.epoch) filter (where not c.moved_on and not c.runs), '{}') as lost_epochs,
         coalesce(array_agg(distinct c.task_uuid) filter (where not c.moved_on and not c.runs), '{}') as lost_tasks
  into v_found
  from (
    select l.workflow_step_uuid as step_uuid, l.epoch, l.task_uuid, l.released_at is not null as released,
           t.to_state is distinct from 'in_progress' as moved_on,
           s.retryable and (l.released_at is not null or coalesce(s.attempts, 0) < coalesce(s.max_attempts, 3)) as runs
    from tasker_host.step_leases l
    cross join lateral (select s.* from tasker.workflow_steps s where s.workflow_step_uuid = l.workflow_step_uuid limit 1) s
    left join lateral (
      select t.to_state from tasker.workflow_step_transitions t
      where t.workflow_step_uuid = l.workflow_step_uuid and t.most_recent limit 1
    ) t on true
    where l.workflow_step_uuid = any (v_orphans.steps) and l.ended_at is null
      and l.epoch = v_orphans.epochs[array_position(v_orphans.steps, l.workflow_step_uuid)]
  ) c;

  if v_found.lost <> '{}' then
    perform tasker_host.record_results(
      p_session, v_found.lost, v_found.lost_epochs, array_fill(false, array[cardinality(v_found.lost)]),
      array(
        select tasker_host.failure_result(
          u.step_uuid, 'host_lost', 'TSK_STEP_HOST_LOST',
          'The host that ran the step was lost, and the step may not run again', v_now)
        from unnest(v_found.lost) with ordinality u (step_uuid, ord) order by u.ord),
      p_orchestrate, 'exhausted');
    if p_orchestrate then
      perform tasker_host.settle_failures(
        v_found.lost, array_fill(false, array[cardinality(v_found.lost)]), null::bigint[], p_rules);
      perform tasker_host.advance_tasks(v_found.lost_tasks, p_session);
    else
      perform tasker_host.send_result_messages(v_found.lost);
    end if;
  end if;

  update tasker_host.step_leases l
  set ended_at = v_now,
      ended_as = case when l.workflow_step_uuid = any (v_found.superseded) then 'superseded'
                      when l.released_at is not null then 'handed_over'
                      else 'taken_over' end
  where l.workflow_step_uuid = any (v_found.superseded || v_found.running) and l.ended_at is null;

  return query
    select 'claimed', null, null::bigint, l.*
    from tasker_host.lease_steps(p_session, v_found.running, v_found.resumed, p_native) l;
end
$$;
