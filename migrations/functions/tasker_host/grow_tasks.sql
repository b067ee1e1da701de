-- Adds the steps to their tasks that completed decisions and batchable steps asked for in their results.
-- The outcomes were judged by `outcome_problem`. The caller holds the tasks' row locks.
create or replace function tasker_host.grow_tasks(p_steps uuid[], p_results jsonb[]) returns void
language plpgsql as $$
declare
  v_asking record;
  v_place record;
begin
  for v_asking in
    select u.step_uuid, u.result -> 'result' -> 'decision_point_outcome' as decision,
           u.result -> 'result' -> 'batch_processing_outcome' as batches
    from unnest(p_steps, p_results) u (step_uuid, result)
    order by u.step_uuid
  loop
    select * into v_place from tasker_host.step_place(v_asking.step_uuid);
    if v_place.step ->> 'type' = 'decision' and v_asking.decision ->> 'type' = 'create_steps' then
      perform tasker_host.add_steps(
        v_place.task_uuid, v_place.steps,
        tasker_host.decided_steps(
          v_place.steps, array(select jsonb_array_elements_text(v_asking.decision -> 'step_names')),
          tasker_host.step_names(v_place.task_uuid)),
        v_asking.step_uuid);
    elsif v_place.step ->> 'type' = 'batchable' then
      perform tasker_host.add_batch_workers(v_asking.step_uuid, v_asking.batches);
    end if;
  end loop;
end
$$;
