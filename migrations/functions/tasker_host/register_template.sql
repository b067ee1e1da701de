-- Registers a template, or changes its configuration where (namespace, name, version) is known; `changed` is false where the
-- database had just this, and then the audit has no entry. Also makes the namespace's queue, and the step names, which all
-- templates share.
-- Lock order: namespace, step names by name, template.
create or replace function tasker_host.register_template(
  p_actor jsonb, p_namespace text, p_name text, p_version text, p_description text, p_configuration jsonb
) returns table (named_task_uuid uuid, changed boolean)
language plpgsql as $$
#variable_conflict use_column
declare
  v_now timestamp := tasker_host.current_time();
  v_namespace uuid;
  v_task uuid;
begin
  perform tasker_host.ensure_queue(p_namespace);

  insert into tasker.task_namespaces (name, created_at, updated_at) values (p_namespace, v_now, v_now)
  on conflict (name) do nothing;
  select n.task_namespace_uuid into strict v_namespace from tasker.task_namespaces n where n.name = p_namespace;

  perform tasker_host.name_steps(array(
    select st.value ->> 'name' from jsonb_array_elements(p_configuration -> 'steps') st (value)));

  insert into tasker.named_tasks
    (task_namespace_uuid, name, version, description, configuration, created_at, updated_at)
  values (v_namespace, p_name, p_version, left(p_description, 255), p_configuration, v_now, v_now)
  on conflict (task_namespace_uuid, name, version) do nothing
  returning named_tasks.named_task_uuid into v_task;
  if v_task is null then
    update tasker.named_tasks t
    set configuration = p_configuration, description = left(p_description, 255), updated_at = v_now
    where t.task_namespace_uuid = v_namespace and t.name = p_name and t.version = p_version
      and t.configuration is distinct from p_configuration
    returning t.named_task_uuid into v_task;
  end if;
  -- Which callables its steps run is what people ask for afterwards.
  if v_task is not null then
    perform tasker_host.record_audit(
      p_actor, 'template.registered', p_namespace,
      jsonb_build_object(
        'name', p_name, 'version', p_version,
        'configuration_sha256', encode(sha256(convert_to(p_configuration::text, 'UTF8')), 'hex'),
        'callables', (select coalesce(jsonb_agg(distinct st.value #> '{handler,callable}'), '[]')
                      from jsonb_array_elements(p_configuration -> 'steps') st (value))));
  end if;
  return query
    select t.named_task_uuid, v_task is not null
    from tasker.named_tasks t
    where t.task_namespace_uuid = v_namespace and t.name = p_name and t.version = p_version;
end
$$;
