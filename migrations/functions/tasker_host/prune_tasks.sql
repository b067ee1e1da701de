-- Deletes finished tasks with all that belongs to them: steps, edges, transitions, results and their audit, leases, resolved
-- dead letters. Which: see `is_prunable`. Looks at tasks behind `p_after` in the order of their uuids, which is that of their
-- creation, until it has `p_limit` steps to delete; `next` is where to go on, null at the end. A task of more steps than that
-- goes in several calls, and is there with fewer steps in between. One that somebody holds stays.
--
-- Frees the identities of the tasks: the same request creates a new one.
-- Lock order: tasks by uuid (skip locked), then rows of finished tasks only, which no host waits for.
-- Indexes: the primary key of tasks; then keys by task or step. The checks of the foreign keys to tasks and transitions need
-- one by the referring column: see `createPruneIndexes`.
create or replace function tasker_host.prune_tasks(p_before timestamp, p_after uuid, p_limit int)
returns table (tasks int, steps int, next uuid)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  v_looked_at uuid[];
  v_chosen uuid[];
  v_more boolean;
  v_tasks uuid[];
  v_steps uuid[];
  v_gone uuid[];
  v_rest uuid;
begin
  v_looked_at := array(
    select t.task_uuid from tasker.tasks t
    where t.task_uuid > p_after and t.task_uuid < tasker_host.first_uuid_at(p_before)
    order by t.task_uuid limit p_limit);

  -- Up to the one with which there are enough steps.
  select coalesce(array_agg(c.task_uuid order by c.task_uuid) filter (where c.steps_before < p_limit), '{}'),
         coalesce(bool_or(c.steps_before >= p_limit), false)
  into v_chosen, v_more
  from (
    select t.task_uuid, sum(s.n) over (order by t.task_uuid) - s.n as steps_before
    from tasker.tasks t
    cross join lateral (
      select count(*) as n from (
        select from tasker.workflow_steps s where s.task_uuid = t.task_uuid limit p_limit) counted
    ) s
    where t.task_uuid = any (v_looked_at) and tasker_host.is_prunable(t.task_uuid, p_before)
  ) c;
  v_tasks := array(
    select t.task_uuid from tasker.tasks t
    where t.task_uuid = any (v_chosen) and tasker_host.is_prunable(t.task_uuid, p_before)
    order by t.task_uuid for update skip locked);
  v_steps := array(
    select s.workflow_step_uuid from tasker.workflow_steps s
    where s.task_uuid = any (v_tasks) order by s.task_uuid limit p_limit);

  delete from tasker.workflow_step_result_audit a where a.workflow_step_uuid = any (v_steps);
  delete from tasker.workflow_step_transitions t where t.workflow_step_uuid = any (v_steps);
  delete from tasker.workflow_step_edges e where e.from_step_uuid = any (v_steps);
  delete from tasker.workflow_step_edges e where e.to_step_uuid = any (v_steps);
  delete from tasker_host.step_leases l where l.workflow_step_uuid = any (v_steps);
  delete from tasker_host.step_retries r where r.workflow_step_uuid = any (v_steps);
  delete from tasker.workflow_steps s where s.workflow_step_uuid = any (v_steps);

  v_gone := array(
    select t.task_uuid from tasker.tasks t
    where t.task_uuid = any (v_tasks)
      and not exists (select from tasker.workflow_steps s where s.task_uuid = t.task_uuid));
  delete from tasker.task_transitions t where t.task_uuid = any (v_gone);
  delete from tasker.tasks_dlq d where d.task_uuid = any (v_gone);
  delete from tasker.tasks t where t.task_uuid = any (v_gone);

  -- The one that has steps left comes first the next time.
  v_rest := (select u.task_uuid from unnest(v_tasks) u (task_uuid) where u.task_uuid <> all (v_gone) order by 1 limit 1);
  return query
    select cardinality(v_gone), cardinality(v_steps),
           case when v_rest is not null then coalesce(
                  (select u.task_uuid from unnest(v_looked_at) u (task_uuid) where u.task_uuid < v_rest order by 1 desc limit 1),
                  p_after)
                when v_more then v_chosen[cardinality(v_chosen)]
                when cardinality(v_looked_at) = p_limit then v_looked_at[p_limit] end;
end
$$;
