-- The names of the steps that a task has.
create or replace function tasker_host.step_names(p_task uuid) returns text[]
language sql stable as $$
  select array(
    select nst.name::text
    from tasker.workflow_steps s join tasker.named_steps nst on nst.named_step_uuid = s.named_step_uuid
    where s.task_uuid = p_task)
$$;
