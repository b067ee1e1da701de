-- What embedded and external reports begin with: locks the tasks, parses the results, and says of each row whether it counts.
-- One row for each distinct step: 'accepted'; 'refused' (Postgres cannot hold the result: `result` is a failure that says so);
-- 'recorded' (an earlier report of this epoch was taken, and its answer got lost); 'stale'.
-- Locks: tasks.
create or replace function tasker_host.prepare_report(p_steps uuid[], p_epochs int[], p_results text[])
returns table (ord int, step_uuid uuid, epoch int, task_uuid uuid, judgement text, result jsonb, refusal_state text, refusal text)
language plpgsql as $$
#variable_conflict use_column
begin
  perform tasker_host.lock_tasks(array(
    select distinct l.task_uuid
    from unnest(p_steps, p_epochs) u (step_uuid, epoch)
    join tasker_host.step_leases l on l.workflow_step_uuid = u.step_uuid and l.epoch = u.epoch
    where l.ended_at is null));

  return query
    select distinct on (u.step_uuid)
           u.n::int, u.step_uuid, u.epoch, l.task_uuid,
           case when l.ended_at is not null and l.ended_as = 'recorded' then 'recorded'
                when l.epoch is null or l.ended_at is not null then 'stale'
                when p.value is null then 'refused'
                else 'accepted' end,
           coalesce(p.value, tasker_host.failure_result(
             u.step_uuid, 'result_refused', 'TSK_STEP_RESULT_REFUSED',
             'Postgres cannot store the result: ' || p.refusal, tasker_host.current_time())),
           p.refusal_state, p.refusal
    from unnest(p_steps, p_epochs) with ordinality u (step_uuid, epoch, n)
    join tasker_host.parse_results(p_results) p on p.ord = u.n
    left join tasker_host.step_leases l on l.workflow_step_uuid = u.step_uuid and l.epoch = u.epoch
    order by u.step_uuid, u.epoch desc;
end
$$;
