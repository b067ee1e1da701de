-- Where a step stands: its task, the task's template, its own name and its definition in the template.
create or replace function tasker_host.step_place(p_step uuid)
returns table (task_uuid uuid, steps jsonb, name text, step jsonb)
language sql stable as $$
  select s.task_uuid, nt.configuration -> 'steps', nst.name::text,
         tasker_host.template_step(nt.configuration, coalesce(s.inputs ->> '__template_step_name', nst.name))
  from tasker.workflow_steps s
  join tasker.named_steps nst on nst.named_step_uuid = s.named_step_uuid
  join tasker.tasks t on t.task_uuid = s.task_uuid
  join tasker.named_tasks nt on nt.named_task_uuid = t.named_task_uuid
  where s.workflow_step_uuid = p_step
$$;
