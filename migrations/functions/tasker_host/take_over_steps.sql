-- Takes over up to `p_quantity` steps that nobody works for: those of sessions that ended (overdue ones are ended here, by
-- the database's clock), and released ones. Only the lease changes, the step stays `in_progress`: a new epoch, and a new
-- attempt unless it was released before its handler was done. Returns rows as `claim_steps` does.
--
-- A step that may not run again (it is not retryable, or a dead host had its last attempt) is not run: it fails, see
-- `fail_lost_steps`. So a step that kills its hosts ends too, and one that is offered again and again: its tenth start of one
-- attempt was the last that was free. Steps that failed here and leases that only ended come back with verdict 'ended': there
-- may be more behind them. What could not be taken is passed by and holds up no other: a step that cannot even be failed, and
-- one whose task somebody holds, which comes back with verdict 'locked'.
--
-- Hosts that are told of released leases all come at once: they take turns, so that each sees what the others left.
-- Raises TH001 where the caller's own session has ended.
-- Lock order: sessions, advisory lock, tasks by uuid (skipping locked ones), transitions, steps, leases, new queue rows.
create or replace function tasker_host.take_over_steps(
  p_session uuid, p_namespaces text[], p_quantity int, p_native text[], p_orchestrate boolean, p_rules jsonb,
  p_max_bytes bigint
) returns table (
  verdict text, reason text, msg_id bigint,
  step_uuid uuid, task_uuid uuid, epoch int, attempt int, max_attempts int, retryable boolean,
  namespace text, task_name text, task_version text, step_name text, template_step_name text,
  correlation_id uuid, parent_correlation_id uuid, callable text, method text, timeout_seconds float8, digest text,
  context text, inputs text, config text, dependency_results text, checkpoint text, priority int, dependency_bytes bigint
)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  c_free_starts constant int := 10;
  v_now timestamp := tasker_host.current_time();
  v_orphans record;
  v_free uuid[];
  v_found record;
  v_failed uuid[];
  v_passed uuid[] := '{}';
begin
  perform tasker_host.require_live_session(p_session);
  perform tasker_host.bury_dead_sessions(p_session);

  if not exists (select from tasker_host.orphaned_leases(p_namespaces, 1, '{}')) then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtext('tasker_host.take_over_steps'));

  loop
    select array_agg(o.step_uuid) as steps, array_agg(o.epoch) as epochs, array_agg(distinct o.task_uuid) as tasks
    into v_orphans
    from tasker_host.orphaned_leases(p_namespaces, p_quantity, v_passed) o;
    exit when v_orphans.steps is null;
    v_passed := v_passed || v_orphans.steps;
    v_free := tasker_host.lock_free_tasks(v_orphans.tasks);

    -- Under the locks: which of them are still there, still in progress, and which may run.
    select coalesce(array_agg(c.step_uuid) filter (where c.locked), '{}') as locked,
           coalesce(array_agg(c.step_uuid) filter (where not c.locked and c.moved_on), '{}') as superseded,
           coalesce(array_agg(c.step_uuid) filter (where not c.locked and not c.moved_on and c.runs), '{}') as running,
           coalesce(array_agg(c.step_uuid) filter (where not c.locked and not c.moved_on and c.runs and c.resumes), '{}') as resumed,
           coalesce(array_agg(c.step_uuid) filter (where not c.locked and not c.moved_on and not c.runs), '{}') as lost,
           array_agg(c.epoch) filter (where not c.locked and not c.moved_on and not c.runs) as lost_epochs,
           array_agg(c.released_as) filter (where not c.locked and not c.moved_on and not c.runs) as lost_as
    into v_found
    from (
      select f.*,
             case when f.resumes then f.released_as = 'not_started' or f.retryable
                  else f.retryable and f.attempts < f.max_attempts end as runs
      from (
        select l.workflow_step_uuid as step_uuid, l.epoch, l.task_uuid, l.released_as,
               -- A task that is gone has no row that could be locked.
               l.task_uuid <> all (v_free) and exists (select from tasker.tasks t where t.task_uuid = l.task_uuid) as locked,
               s.workflow_step_uuid is null or t.to_state is distinct from 'in_progress' as moved_on,
               s.retryable, coalesce(s.attempts, 0) as attempts, coalesce(s.max_attempts, 3) as max_attempts,
               coalesce(l.released_as, 'unreported') <> 'unreported' and (
                 select count(*) from tasker_host.step_leases before
                 where before.workflow_step_uuid = l.workflow_step_uuid and before.attempt = l.attempt) < c_free_starts as resumes
        from tasker_host.step_leases l
        left join lateral (select s.* from tasker.workflow_steps s where s.workflow_step_uuid = l.workflow_step_uuid limit 1) s on true
        left join lateral (
          select t.to_state from tasker.workflow_step_transitions t
          where t.workflow_step_uuid = l.workflow_step_uuid and t.most_recent limit 1
        ) t on true
        where l.workflow_step_uuid = any (v_orphans.steps) and l.ended_at is null
          and l.epoch = v_orphans.epochs[array_position(v_orphans.steps, l.workflow_step_uuid)]
      ) f
    ) c;

    v_failed := v_found.lost;
    if v_found.lost <> '{}' then
      begin
        perform tasker_host.fail_lost_steps(
          p_session, v_found.lost, v_found.lost_epochs, v_found.lost_as, p_orchestrate, p_rules);
      exception when others then
        -- What passes (conflicts, resources, an end of the session) is the caller's to repeat.
        if sqlstate ~ '^(08|40|53|55|57|58)' then
          raise;
        end if;
        v_failed := '{}';
        for i in 1 .. cardinality(v_found.lost) loop
          begin
            perform tasker_host.fail_lost_steps(
              p_session, v_found.lost[i:i], v_found.lost_epochs[i:i], v_found.lost_as[i:i], p_orchestrate, p_rules);
            v_failed := v_failed || v_found.lost[i];
          exception when others then
            if sqlstate ~ '^(08|40|53|55|57|58)' then
              raise;
            end if;
            raise warning 'step "%" can neither run nor be failed: %', v_found.lost[i], sqlerrm;
          end;
        end loop;
      end;
    end if;

    update tasker_host.step_leases l
    set ended_at = v_now,
        ended_as = case when l.workflow_step_uuid = any (v_found.superseded) then 'superseded'
                        when l.workflow_step_uuid = any (v_found.resumed) then 'handed_over'
                        when l.released_at is not null then 'given_up'
                        else 'taken_over' end
    where l.workflow_step_uuid = any (v_found.superseded || v_found.running) and l.ended_at is null;

    return query
      select 'claimed', null, null::bigint, l.*
      from tasker_host.lease_steps(p_session, v_found.running, v_found.resumed, p_native, p_max_bytes) l;
    return query
      select o.verdict, null, null::bigint, o.step_uuid, null::uuid, null::int, null::int, null::int, null::boolean,
             null, null, null, null, null, null::uuid, null::uuid, null, null, null::float8, null, null, null,
             null, null, null, null::int, null::bigint
      from (
        select 'locked' as verdict, u.step_uuid from unnest(v_found.locked) u (step_uuid)
        union all
        select 'ended', u.step_uuid from unnest(v_found.superseded || v_failed) u (step_uuid)
      ) o;
    exit when v_found.superseded || v_found.running || v_failed <> '{}';
  end loop;
end
$$;
