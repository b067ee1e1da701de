-- Adds steps of its template to a running task, with edges from those of their parents that the task has. A step that is
-- there already stays. One without deferred convergence that lacks a parent waits for `p_asking` instead.
-- No transition is written: a step without one is pending. The caller holds the task's row lock.
create or replace function tasker_host.add_steps(p_task uuid, p_steps jsonb, p_names text[], p_asking uuid) returns void
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
begin
  perform tasker_host.name_steps(p_names);
  insert into tasker.workflow_steps
    (task_uuid, named_step_uuid, retryable, max_attempts, attempts, inputs, created_at, updated_at)
  select p_task, nst.named_step_uuid, coalesce((g.step #>> '{retry,retryable}')::boolean, true),
         coalesce((g.step #>> '{retry,max_attempts}')::int, 3), 0, nullif(g.step #> '{handler,initialization}', '{}'),
         v_now, v_now
  from tasker_host.template_graph(p_steps) g
  join tasker.named_steps nst on nst.name = g.name
  where g.name = any (p_names)
  order by g.ord
  on conflict (task_uuid, named_step_uuid) do nothing;

  insert into tasker.workflow_step_edges (from_step_uuid, to_step_uuid, name, created_at, updated_at)
  select distinct coalesce(parent.workflow_step_uuid, p_asking), child.workflow_step_uuid, 'provides', v_now, v_now
  from tasker_host.template_graph(p_steps) g
  join tasker.named_steps nst on nst.name = g.name
  join tasker.workflow_steps child on child.task_uuid = p_task and child.named_step_uuid = nst.named_step_uuid
  cross join unnest(g.parents) needed (name)
  left join lateral (
    select s.workflow_step_uuid
    from tasker.named_steps n
    join tasker.workflow_steps s on s.task_uuid = p_task and s.named_step_uuid = n.named_step_uuid
    where n.name = needed.name
  ) parent on true
  where g.name = any (p_names) and (parent.workflow_step_uuid is not null or g.type <> 'deferred_convergence')
  on conflict (from_step_uuid, to_step_uuid, name) do nothing;
end
$$;
