-- Creates what belongs to new tasks: steps, edges, the first transitions of both, as Tasker's initialization writes them.
-- `p_templates[n]` is the template of `p_tasks[n]`. Returns the steps that are enqueued: those without parents. A task without
-- steps is complete.
create or replace function tasker_host.create_steps(p_tasks uuid[], p_templates uuid[]) returns uuid[]
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_created jsonb := tasker_host.event_metadata('{"type":"Create"}', v_now);
  v_enqueued jsonb := tasker_host.event_metadata('{"type":"Enqueue"}', v_now);
  v_kinds jsonb;
  v_roots uuid[];
  v_empty uuid[];
begin
  perform tasker_host.name_steps(array(
    select distinct st.value ->> 'name'
    from tasker.named_tasks nt, jsonb_array_elements(nt.configuration -> 'steps') st (value)
    where nt.named_task_uuid = any (p_templates)));

  with kinds as materialized (
    -- Once for each template, not for each task.
    select nt.named_task_uuid, i.ord, i.name, i.parents, nst.named_step_uuid,
           coalesce((i.step #>> '{retry,retryable}')::boolean, true) as retryable,
           coalesce((i.step #>> '{retry,max_attempts}')::int, 3) as max_attempts,
           nullif(i.step #> '{handler,initialization}', '{}') as inputs
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
  ), edges as (
    insert into tasker.workflow_step_edges (from_step_uuid, to_step_uuid, name, created_at, updated_at)
    select parent.step_uuid, child.step_uuid, 'provides', v_now, v_now
    from made child
    cross join unnest(child.parents) needed (name)
    join made parent on parent.task_uuid = child.task_uuid and parent.name = needed.name
  ), transitions as (
    insert into tasker.workflow_step_transitions
      (workflow_step_uuid, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
    select m.step_uuid, arrow.from_state, arrow.to_state, arrow.n, arrow.n = case when m.parents = '{}' then 2 else 1 end,
           arrow.metadata, v_now, v_now
    from made m
    cross join (values (1, null, 'pending', v_created), (2, 'pending', 'enqueued', v_enqueued))
      arrow (n, from_state, to_state, metadata)
    where arrow.n = 1 or m.parents = '{}'
    order by m.step_uuid, arrow.n
  ), task_transitions as (
    insert into tasker.task_transitions
      (task_uuid, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
    select m.task_uuid, arrow.from_state, arrow.to_state, arrow.n, arrow.n = m.length,
           jsonb_build_object('event', arrow.event), v_now, v_now
    from (
      select u.task_uuid,
             case when exists (select from made s where s.task_uuid = u.task_uuid) then 4 else 3 end as length
      from unnest(p_tasks) u (task_uuid)
    ) m
    join (values
      (3, 1, null, 'pending', 'Create'), (3, 2, 'pending', 'initializing', 'Start'),
      (3, 3, 'initializing', 'complete', 'NoStepsFound'),
      (4, 1, null, 'pending', 'Create'), (4, 2, 'pending', 'initializing', 'Start'),
      (4, 3, 'initializing', 'enqueuing_steps', 'ReadyStepsFound'),
      (4, 4, 'enqueuing_steps', 'steps_in_process', 'StepsEnqueued')
    ) arrow (length, n, from_state, to_state, event) on arrow.length = m.length
    order by m.task_uuid, arrow.n
  )
  select array_agg(m.step_uuid order by m.step_uuid) filter (where m.parents = '{}'),
         array(select u.task_uuid from unnest(p_tasks) u (task_uuid)
               where not exists (select from made s where s.task_uuid = u.task_uuid))
  into v_roots, v_empty
  from made m;

  if v_empty <> '{}' then
    update tasker.tasks t set complete = true, completed_at = v_now where t.task_uuid = any (v_empty);
  end if;
  return v_roots;
end
$$;
