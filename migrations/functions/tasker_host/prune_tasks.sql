-- Deletes finished tasks with all that belongs to them: steps, edges, transitions, results and their audit, leases, resolved
-- dead letters. Finished: the last transition led to a final state, before `p_before`. Looks at `p_limit` tasks behind
-- `p_after` in the order of their uuids, which is that of their creation; `next` is where to go on, null at the end.
-- A task that somebody holds, that is blocked by failures or has a dead letter which nobody resolved stays.
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
  v_tasks uuid[];
  v_steps uuid[];
begin
  v_looked_at := array(
    select t.task_uuid from tasker.tasks t
    where t.task_uuid > p_after and t.task_uuid < tasker_host.first_uuid_at(p_before)
    order by t.task_uuid limit p_limit);

  v_tasks := array(
    select t.task_uuid from tasker.tasks t
    where t.task_uuid = any (v_looked_at) and tasker_host.is_finished(t.task_uuid, p_before)
      and not exists (
        select from tasker.tasks_dlq d where d.task_uuid = t.task_uuid and d.resolution_status = 'pending')
    order by t.task_uuid for update skip locked);
  v_steps := array(select s.workflow_step_uuid from tasker.workflow_steps s where s.task_uuid = any (v_tasks));

  delete from tasker.workflow_step_result_audit a where a.workflow_step_uuid = any (v_steps);
  delete from tasker.workflow_step_transitions t where t.workflow_step_uuid = any (v_steps);
  delete from tasker.workflow_step_edges e where e.from_step_uuid = any (v_steps);
  delete from tasker_host.step_leases l where l.workflow_step_uuid = any (v_steps);
  delete from tasker_host.step_retries r where r.workflow_step_uuid = any (v_steps);
  delete from tasker.workflow_steps s where s.workflow_step_uuid = any (v_steps);
  delete from tasker.task_transitions t where t.task_uuid = any (v_tasks);
  delete from tasker.tasks_dlq d where d.task_uuid = any (v_tasks);
  delete from tasker.tasks t where t.task_uuid = any (v_tasks);

  return query
    select cardinality(v_tasks), cardinality(v_steps),
           case when cardinality(v_looked_at) = p_limit then v_looked_at[p_limit] end;
end
$$;
