-- Deletes a version that no step can need any more, and its component where no other version has it. What it ran and when it
-- was active stays known, and its number is free for the same bytes only. Returns {"verdict"}:
--   'deleted'
--   'unknown'  there is no such version
--   'active'   it is the active one
--   'in_use'   "leased" steps run with it, "waiting" ones were run by it and will be tried again
-- Lock order: registry, leases.
create or replace function tasker_host.delete_version(p_actor jsonb, p_namespace text, p_name text, p_version text)
returns jsonb
language plpgsql set lock_timeout = '5s' as $$
declare
  v_version tasker_host.handler_versions;
  v_leased bigint;
  v_waiting bigint;
begin
  perform tasker_host.lock_registry(p_namespace);
  select v.* into v_version
  from tasker_host.handler_versions v
  where v.namespace = p_namespace and v.name = p_name and v.version = p_version;
  if not found then
    return jsonb_build_object('verdict', 'unknown');
  elsif v_version.active then
    return jsonb_build_object('verdict', 'active');
  end if;
  select u.leased, u.waiting into v_leased, v_waiting
  from tasker_host.digest_in_use(p_namespace, v_version.digest) u;
  if v_leased + v_waiting > 0 then
    return jsonb_build_object('verdict', 'in_use', 'leased', v_leased, 'waiting', v_waiting);
  end if;

  -- A host from before there were bindings may have made it.
  insert into tasker_host.version_digests (namespace, name, version, digest)
  values (p_namespace, p_name, p_version, v_version.digest)
  on conflict (namespace, name, version, digest) do nothing;
  delete from tasker_host.handler_versions v
  where v.namespace = p_namespace and v.name = p_name and v.version = p_version;
  perform tasker_host.drop_unused_components();
  perform tasker_host.note_registry_change(
    p_actor, 'handler.deleted', p_namespace,
    jsonb_build_object('name', p_name, 'version', p_version, 'digest', v_version.digest));
  return jsonb_build_object('verdict', 'deleted');
end
$$;
