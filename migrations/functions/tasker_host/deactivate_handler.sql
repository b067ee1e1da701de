-- Leaves a handler without an active version: from the next claim on nobody runs its callables, and another handler may take
-- them over. Steps that are claimed keep what they were claimed with; a roll back makes the version active again.
-- Returns {"verdict"}:
--   'deactivated'  "version" and "digest" were active
--   'nothing'      nothing was
--   'unknown'      there is no such handler
create or replace function tasker_host.deactivate_handler(p_actor jsonb, p_namespace text, p_name text) returns jsonb
language plpgsql as $$
declare
  v_active jsonb;
begin
  perform tasker_host.lock_registry(p_namespace);
  update tasker_host.handler_versions v set active = false
  where v.namespace = p_namespace and v.name = p_name and v.active
  returning jsonb_build_object('version', v.version, 'digest', v.digest) into v_active;
  if not found then
    return jsonb_build_object('verdict', case when exists (
      select from tasker_host.version_digests d where d.namespace = p_namespace and d.name = p_name
    ) then 'nothing' else 'unknown' end);
  end if;
  delete from tasker_host.active_callables a where a.namespace = p_namespace and a.name = p_name;
  -- A roll back returns to the activation that this one ends.
  insert into tasker_host.handler_activations
    (namespace, name, version, digest, reason, activated_at, activated_by, previous_id, callables, interfaces)
  select a.namespace, a.name, a.version, a.digest, 'deactivated', tasker_host.current_time(), p_actor, a.activation_id,
         a.callables, a.interfaces
  from tasker_host.handler_activations a
  where a.namespace = p_namespace and a.name = p_name
  order by a.activation_id desc limit 1;
  perform tasker_host.note_registry_change(
    p_actor, 'handler.deactivated', p_namespace, jsonb_build_object('name', p_name) || v_active);
  return jsonb_build_object('verdict', 'deactivated') || v_active;
end
$$;
