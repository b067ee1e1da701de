-- Adds the workers that a batchable step asked for to its task, one a batch (a single placeholder that does nothing where
-- there is none), and the convergence behind them. Done once: a step that has workers already gets no others.
-- The caller holds the task's row lock.
create or replace function tasker_host.add_batch_workers(p_step uuid, p_outcome jsonb) returns void
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_place record;
  v_template text;
  v_worker jsonb;
  v_batches jsonb := case p_outcome ->> 'type' when 'create_batches' then p_outcome -> 'cursor_configs'
                     else '[{"batch_id": "000", "start_cursor": 0, "end_cursor": 0, "batch_size": 0}]' end;
  v_workers uuid[];
  v_converging text[];
begin
  if exists (
    select from tasker.workflow_step_edges e where e.from_step_uuid = p_step and e.name = 'batch_dependency') then
    return;
  end if;
  select * into v_place from tasker_host.step_place(p_step);
  v_template := tasker_host.batch_worker_of(v_place.step, p_outcome);
  select g.step into v_worker from tasker_host.template_graph(v_place.steps) g where g.name = v_template;
  perform tasker_host.name_steps(array(
    select v_template || '_' || (b.value ->> 'batch_id') from jsonb_array_elements(v_batches) b (value)));

  with made as (
    insert into tasker.workflow_steps
      (task_uuid, named_step_uuid, retryable, max_attempts, attempts, inputs, created_at, updated_at)
    select v_place.task_uuid, nst.named_step_uuid, coalesce((v_worker #>> '{retry,retryable}')::boolean, true),
           coalesce((v_worker #>> '{retry,max_attempts}')::int, 3), 0,
           coalesce(v_worker #> '{handler,initialization}', '{}') || jsonb_build_object(
             'cursor', b.value,
             'batch_metadata', jsonb_build_object(
               'cursor_field', coalesce(v_worker #> '{batch_config,cursor_field}', '"id"'),
               'failure_strategy', coalesce(v_worker #> '{batch_config,failure_strategy}', '"continue_on_failure"')),
             'is_no_op', p_outcome ->> 'type' = 'no_batches',
             '__template_step_name', v_template),
           v_now, v_now
    from jsonb_array_elements(v_batches) with ordinality b (value, n)
    join tasker.named_steps nst on nst.name = v_template || '_' || (b.value ->> 'batch_id')
    order by b.n
    returning workflow_step_uuid
  )
  select array_agg(workflow_step_uuid) into v_workers from made;
  insert into tasker.workflow_step_edges (from_step_uuid, to_step_uuid, name, created_at, updated_at)
  select p_step, w.step_uuid, 'batch_dependency', v_now, v_now from unnest(v_workers) w (step_uuid);

  v_converging := array(
    select g.name from tasker_host.template_graph(v_place.steps) g
    where g.type = 'deferred_convergence' and v_template = any (g.parents));
  perform tasker_host.add_steps(
    v_place.task_uuid, v_place.steps,
    tasker_host.with_dependents(v_place.steps, v_converging, tasker_host.step_names(v_place.task_uuid)), p_step);
  insert into tasker.workflow_step_edges (from_step_uuid, to_step_uuid, name, created_at, updated_at)
  select w.step_uuid, s.workflow_step_uuid, 'worker_to_convergence', v_now, v_now
  from unnest(v_workers) w (step_uuid)
  cross join tasker.workflow_steps s
  join tasker.named_steps nst on nst.named_step_uuid = s.named_step_uuid
  where s.task_uuid = v_place.task_uuid and nst.name = any (v_converging);
end
$$;
