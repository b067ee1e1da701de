-- Creates what belongs to new tasks: steps, edges, the first transitions of both, as Tasker's initialization writes them.
-- `p_templates[n]` is the template of `p_tasks[n]`. Returns the steps that are enqueued: those without parents. A task without
-- steps is complete.
create or replace function tasker_host.create_steps(p_tasks uuid[], p_templates uuid[]) returns uuid[]
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_made record;
  v_empty uuid[];
begin
  perform tasker_host.name_steps(array(
    select distinct st.value ->> 'name'
    from tasker.named_tasks nt, jsonb_array_elements(nt.configuration -> 'steps') st (value)
    where nt.named_task_uuid = any (p_templates)));

  with kinds as materialized (
    -- Once for each template, not for each task.
    select nt.named_task_uuid, i.ord, nst.named_step_uuid,
           coalesce((i.step #>> '{retry,retryable}')::boolean, true) as retryable,
           coalesce((i.step #>> '{retry,max_attempts}')::int, 3) as max_attempts,
           nullif(i.step #> '{handler,initialization}', '{}') as inputs,
           array(select p.named_step_uuid from tasker.named_steps p where p.name = any (i.parents)) as parents
    from tasker.named_tasks nt
    cross join lateral tasker_host.initial_steps(nt.configuration -> 'steps') i
    join tasker.named_steps nst on nst.name = i.name
    where nt.named_task_uuid = any (p_templates)
  ), made as materialized (
    select m.task_uuid, k.*, tasker.uuid_generate_v7() as step_uuid
    from unnest(p_tasks, p_templates) with ordinality m (task_uuid, named_task_uuid, n)
    join kinds k on k.named_task_uuid = m.named_task_uuid
    order by m.n, k.ord
  ), steps as (
    insert into tasker.workflow_steps
      (workflow_step_uuid, task_uuid, named_step_uuid, retryable, max_attempts, attempts, inputs, created_at, updated_at)
    select m.step_uuid, m.task_uuid, m.named_step_uuid, m.retryable, m.max_attempts, 0, m.inputs, v_now, v_now from made m
  ), children as (
    select array_agg(m.step_uuid) as steps, array_agg(m.task_uuid) as tasks, array_agg(parent.named_step_uuid) as parents
    from made m cross join unnest(m.parents) parent (named_step_uuid)
  )
  select array_agg(m.step_uuid) as steps, array_agg(m.parents = '{}') as are_roots,
         array_agg(m.step_uuid) filter (where m.parents = '{}') as roots,
         (select c.steps from children c) as children, (select c.tasks from children c) as child_tasks,
         (select c.parents from children c) as child_parents
  into v_made
  from made m;

  insert into tasker.workflow_step_edges (from_step_uuid, to_step_uuid, name, created_at, updated_at)
  select parent.workflow_step_uuid, child.step_uuid, 'provides', v_now, v_now
  from unnest(v_made.children, v_made.child_tasks, v_made.child_parents) child (step_uuid, task_uuid, parent)
  cross join lateral (
    select s.workflow_step_uuid from tasker.workflow_steps s
    where s.task_uuid = child.task_uuid and s.named_step_uuid = child.parent limit 1
  ) parent;

  insert into tasker.workflow_step_transitions
    (workflow_step_uuid, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
  select m.step_uuid, arrow.from_state, arrow.to_state, arrow.n, arrow.n = case when m.is_root then 2 else 1 end,
         arrow.metadata, v_now, v_now
  from unnest(v_made.steps, v_made.are_roots) m (step_uuid, is_root)
  join (values
    (1, null, 'pending', tasker_host.event_metadata('{"type":"Create"}', v_now)),
    (2, 'pending', 'enqueued', tasker_host.event_metadata('{"type":"Enqueue"}', v_now))
  ) arrow (n, from_state, to_state, metadata) on arrow.n = 1 or m.is_root;

  v_empty := array(
    select u.task_uuid from unnest(p_tasks) u (task_uuid)
    where (select s.task_uuid from tasker.workflow_steps s where s.task_uuid = u.task_uuid limit 1) is null);

  insert into tasker.task_transitions
    (task_uuid, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
  select u.task_uuid, arrow.from_state, arrow.to_state, arrow.n, arrow.n = arrow.of,
         jsonb_build_object('event', arrow.event), v_now, v_now
  from unnest(p_tasks) u (task_uuid)
  join (values
    (false, 1, 4, null, 'pending', 'Create'), (false, 2, 4, 'pending', 'initializing', 'Start'),
    (false, 3, 4, 'initializing', 'enqueuing_steps', 'ReadyStepsFound'),
    (false, 4, 4, 'enqueuing_steps', 'steps_in_process', 'StepsEnqueued'),
    (true, 1, 3, null, 'pending', 'Create'), (true, 2, 3, 'pending', 'initializing', 'Start'),
    (true, 3, 3, 'initializing', 'complete', 'NoStepsFound')
  ) arrow (is_empty, n, of, from_state, to_state, event) on arrow.is_empty = (u.task_uuid = any (v_empty));

  if v_empty <> '{}' then
    update tasker.tasks t set complete = true, completed_at = v_now where t.task_uuid = any (v_empty);
  end if;
  return v_made.roots;
end
$$;
