-- The namespace of a template.
create or replace function tasker_host.namespace_of(p_named_task uuid) returns text
language sql stable parallel safe as $$
  select (select ns.name::text from tasker.task_namespaces ns where ns.task_namespace_uuid = nt.task_namespace_uuid)
  from tasker.named_tasks nt
  where nt.named_task_uuid = p_named_task
$$;
