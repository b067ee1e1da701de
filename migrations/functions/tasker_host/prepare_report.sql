-- What embedded and external reports begin with: locks the tasks, parses the results, and says of each row whether it counts.
-- One row for each distinct step: 'accepted'; 'refused' (Postgres cannot hold the result: `result` is a failure that says so);
-- 'recorded' (an earlier report of this epoch was taken, and its answer got lost); 'stale'.
-- Locks: tasks.
create or replace function tasker_host.prepare_report(p_steps uuid[], p_epochs int[], p_results text[])
returns table (ord int, step_uuid uuid, epoch int, task_uuid uuid, judgement text, result jsonb, refusal_state text, refusal text)
language plpgsql as $$
#variable_conflict use_column
declare
  v_now timestamp := tasker_host.current_time();
  v_parsed jsonb[];
  v_states text[];
  v_refusals text[];
begin
  perform tasker_host.lock_tasks(array(
    select distinct l.task_uuid
    from tasker_host.step_leases l
    where l.workflow_step_uuid = any (p_steps) and l.ended_at is null));

  select p.parsed, p.refusal_states, p.refusals into v_parsed, v_states, v_refusals
  from tasker_host.parse_results(p_results) p;

  return query
    select distinct on (u.step_uuid)
           u.n::int, u.step_uuid, u.epoch, l.task_uuid,
           case when l.ended_at is not null and l.ended_as = 'recorded' then 'recorded'
                when l.epoch is null or l.ended_at is not null then 'stale'
                when u.parsed is null then 'refused'
                else 'accepted' end,
           case when u.parsed is null
                then tasker_host.failure_result(
                  u.step_uuid, 'result_refused', 'TSK_STEP_RESULT_REFUSED',
                  'Postgres cannot store the result' || coalesce(': ' || v_refusals[u.n], ''), v_now)
                else u.parsed end,
           v_states[u.n], v_refusals[u.n]
    from unnest(p_steps, p_epochs, v_parsed) with ordinality u (step_uuid, epoch, parsed, n)
    left join lateral (
      select l.epoch, l.task_uuid, l.ended_at, l.ended_as
      from tasker_host.step_leases l where l.workflow_step_uuid = u.step_uuid and l.epoch = u.epoch limit 1
    ) l on true
    order by u.step_uuid, u.epoch desc;
end
$$;
