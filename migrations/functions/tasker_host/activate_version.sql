-- Makes a version the active one of its handler: from the next claim on it runs the callables. Steps that are claimed keep
-- what they were claimed with. Returns what it replaced: {"version","digest"}, or null.
-- `p_previous`: the activation that a later roll back returns to; null where there is none.
-- Locks: the caller holds the registry's.
create or replace function tasker_host.activate_version(
  p_actor jsonb, p_namespace text, p_name text, p_version text, p_reason text, p_previous bigint
) returns jsonb
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_digest text;
  v_callables text[];
  v_replaced jsonb;
begin
  -- Of the activations and not of the versions: a version whose bytes were replaced is inactive by now.
  select case when a.reason <> 'deactivated' then jsonb_build_object('version', a.version, 'digest', a.digest) end
  into v_replaced
  from tasker_host.handler_activations a
  where a.namespace = p_namespace and a.name = p_name
  order by a.activation_id desc limit 1;

  update tasker_host.handler_versions v set active = false
  where v.namespace = p_namespace and v.name = p_name and v.active;
  update tasker_host.handler_versions v set active = true, activated_at = v_now
  where v.namespace = p_namespace and v.name = p_name and v.version = p_version
  returning v.digest, v.callables into strict v_digest, v_callables;

  delete from tasker_host.active_callables a where a.namespace = p_namespace and a.name = p_name;
  insert into tasker_host.active_callables (namespace, callable, name, digest)
  select distinct p_namespace, c.callable, p_name, v_digest from unnest(v_callables) c (callable);

  insert into tasker_host.handler_activations
    (namespace, name, version, digest, reason, activated_at, activated_by, replaced_version, replaced_digest, previous_id,
     callables, interfaces)
  select p_namespace, p_name, p_version, v_digest, p_reason, v_now, p_actor,
         v_replaced ->> 'version', v_replaced ->> 'digest', p_previous, v_callables, tasker_host.interfaces_of(c.imports)
  from tasker_host.components c where c.digest = v_digest;
  perform tasker_host.note_registry_change(
    p_actor, 'handler.' || p_reason, p_namespace,
    jsonb_strip_nulls(jsonb_build_object(
      'name', p_name, 'version', p_version, 'digest', v_digest,
      'replaced_version', v_replaced ->> 'version', 'replaced_digest', v_replaced ->> 'digest')));
  return v_replaced;
end
$$;
