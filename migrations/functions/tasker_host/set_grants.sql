-- Says what the handlers of a namespace may import, and what their runs may cost; replaces what was said before.
create or replace function tasker_host.set_grants(p_actor jsonb, p_namespace text, p_capabilities text[], p_limits jsonb)
returns void
language plpgsql as $$
declare
  v_before jsonb;
begin
  perform tasker_host.lock_registry(p_namespace);
  select jsonb_build_object('capabilities', g.capabilities, 'limits', g.limits) into v_before
  from tasker_host.namespace_grants g where g.namespace = p_namespace;
  insert into tasker_host.namespace_grants (namespace, capabilities, limits, changed_at, changed_by)
  values (p_namespace, p_capabilities, p_limits, tasker_host.current_time(), p_actor)
  on conflict (namespace) do update
  set capabilities = excluded.capabilities, limits = excluded.limits, changed_at = excluded.changed_at,
      changed_by = excluded.changed_by;
  perform tasker_host.note_registry_change(
    p_actor, 'grant.changed', p_namespace,
    jsonb_build_object('before', v_before, 'after', jsonb_build_object('capabilities', p_capabilities, 'limits', p_limits)));
end
$$;
