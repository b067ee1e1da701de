-- Changes what the handlers of a namespace may import, and what their runs may cost. `p_changes` names what changes:
-- {"capabilities": […] or null, "limits": {"fuel": n or null, …}}; null returns a member to the host's default, and what is not
-- named stays as it is stored, also beyond the ceilings of the host that asks. False where nothing changed.
create or replace function tasker_host.set_grants(p_actor jsonb, p_namespace text, p_changes jsonb) returns boolean
language plpgsql as $$
declare
  v_before tasker_host.namespace_grants;
  v_capabilities text[];
  v_limits jsonb;
begin
  perform tasker_host.lock_registry(p_namespace);
  select g.* into v_before from tasker_host.namespace_grants g where g.namespace = p_namespace;
  v_capabilities := case
    when not p_changes ? 'capabilities' then v_before.capabilities
    when jsonb_typeof(p_changes -> 'capabilities') = 'array'
      then array(select distinct c.name from jsonb_array_elements_text(p_changes -> 'capabilities') c (name) order by 1)
  end;
  v_limits := jsonb_strip_nulls(coalesce(v_before.limits, '{}') || coalesce(p_changes -> 'limits', '{}'));
  if v_capabilities is not distinct from v_before.capabilities and v_limits = coalesce(v_before.limits, '{}') then
    return false;
  end if;

  if v_capabilities is null and v_limits = '{}' then
    delete from tasker_host.namespace_grants g where g.namespace = p_namespace;
  else
    insert into tasker_host.namespace_grants (namespace, capabilities, limits, changed_at, changed_by)
    values (p_namespace, v_capabilities, v_limits, tasker_host.current_time(), p_actor)
    on conflict (namespace) do update
    set capabilities = excluded.capabilities, limits = excluded.limits, changed_at = excluded.changed_at,
        changed_by = excluded.changed_by;
  end if;
  perform tasker_host.note_registry_change(
    p_actor, 'grant.changed', p_namespace,
    jsonb_build_object(
      'before', case when v_before.namespace is not null
        then jsonb_build_object('capabilities', v_before.capabilities, 'limits', v_before.limits) end,
      'after', jsonb_build_object('capabilities', v_capabilities, 'limits', v_limits)));
  return true;
end
$$;
