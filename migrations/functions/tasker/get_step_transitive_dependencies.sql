-- All ancestors of a step, by each path, nearest first.
create or replace function tasker.get_step_transitive_dependencies(target_step_uuid uuid)
returns table (
  workflow_step_uuid uuid, task_uuid uuid, named_step_uuid uuid, step_name text, results jsonb, processed boolean, distance int
)
language sql stable as $$
  with recursive ancestors as (
    select e.from_step_uuid as step_uuid, 1 as distance
    from tasker.workflow_step_edges e where e.to_step_uuid = target_step_uuid
    union all
    select e.from_step_uuid, a.distance + 1
    from ancestors a join tasker.workflow_step_edges e on e.to_step_uuid = a.step_uuid where a.distance < 50
  )
  select s.workflow_step_uuid, s.task_uuid, s.named_step_uuid, ns.name::text, s.results, s.processed, a.distance
  from ancestors a
  join tasker.workflow_steps s on s.workflow_step_uuid = a.step_uuid
  join tasker.named_steps ns using (named_step_uuid)
  order by a.distance, s.workflow_step_uuid
$$;
