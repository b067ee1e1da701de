-- Makes a component known as a version of a handler, and stores it, in one transaction: an upload that loses leaves nothing.
-- Returns {"verdict"}:
--   'created'   it is new, or with "again" there again, with the same bytes, after it was deleted
--   'known'     the version is there with the same bytes; what was stored damaged is whole again
--   'replaced'  other bytes took its place (only with `p_replace`, see replace_version())
--   'conflict'  it has or had other bytes, their digest is in "digest"; "deleted": there are none any more. Nothing changed
-- `p_component`: {"digest","source_map","imports","exports","capabilities","preparer_version","fuel_schedule_id",
-- "describe_fuel","replace_artifact"}, besides its bytes and prepared form. "replace_artifact": the prepared form that is
-- there was found wrong, so this one takes its place.
create or replace function tasker_host.register_version(
  p_actor jsonb, p_namespace text, p_name text, p_version text, p_callables text[],
  p_component jsonb, p_bytes bytea, p_artifact bytea, p_replace boolean
) returns jsonb
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_digest text := p_component ->> 'digest';
  v_source_map text := p_component ->> 'source_map';
  v_known text;
  v_bound text;
  v_repaired text[] := '{}';
begin
  perform tasker_host.lock_registry(p_namespace);

  select v.digest into v_known
  from tasker_host.handler_versions v
  where v.namespace = p_namespace and v.name = p_name and v.version = p_version;
  -- A number that was used stands for the same bytes for ever: results, leases and the audit name it.
  select d.digest into v_bound
  from tasker_host.version_digests d
  where d.namespace = p_namespace and d.name = p_name and d.version = p_version
  order by d.binding_id desc limit 1;
  v_bound := coalesce(v_known, v_bound);
  if v_bound <> v_digest and not p_replace then
    return jsonb_build_object('verdict', 'conflict', 'digest', v_bound, 'deleted', v_known is null);
  end if;

  -- A deletion that goes on now waits, or passes this component by: otherwise it could take what is about to be named.
  perform from tasker_host.components c where c.digest = v_digest for key share;
  delete from tasker_host.artifacts a
  where a.digest = v_digest and a.preparer_version = p_component ->> 'preparer_version'
    and a.fuel_schedule_id = p_component ->> 'fuel_schedule_id'
    and ((p_component ->> 'replace_artifact')::boolean or a.sha256 <> encode(sha256(a.bytes), 'hex'));
  if found then
    v_repaired := v_repaired || text 'prepared form';
  end if;
  perform tasker_host.store_component(
    v_digest, p_bytes,
    array(select jsonb_array_elements_text(p_component -> 'imports')),
    array(select jsonb_array_elements_text(p_component -> 'exports')),
    array(select jsonb_array_elements_text(p_component -> 'capabilities')),
    p_component ->> 'preparer_version', p_component ->> 'fuel_schedule_id',
    p_artifact, (p_component ->> 'describe_fuel')::bigint);
  update tasker_host.components c set bytes = p_bytes
  where c.digest = v_digest and encode(sha256(c.bytes), 'hex') <> v_digest and encode(sha256(p_bytes), 'hex') = v_digest;
  if found then
    v_repaired := v_repaired || text 'component';
  end if;
  if v_repaired <> '{}' then
    perform tasker_host.note_registry_change(
      p_actor, 'handler.repaired', p_namespace,
      jsonb_build_object('name', p_name, 'version', p_version, 'digest', v_digest, 'repaired', v_repaired));
  end if;
  if v_known = v_digest then
    -- A host from before there were bindings may have made it.
    insert into tasker_host.version_digests (namespace, name, version, digest)
    values (p_namespace, p_name, p_version, v_digest)
    on conflict (namespace, name, version, digest) do nothing;
    -- Who brings the source map later than the component helps its errors all the same; one that is there stays.
    update tasker_host.handler_versions v set source_map = v_source_map
    where v.namespace = p_namespace and v.name = p_name and v.version = p_version and v.source_map is null
      and v_source_map is not null;
    if found then
      perform tasker_host.note_registry_change(
        p_actor, 'handler.source_map_added', p_namespace,
        jsonb_build_object(
          'name', p_name, 'version', p_version, 'digest', v_digest,
          'source_map_sha256', encode(sha256(convert_to(v_source_map, 'UTF8')), 'hex')));
    else
      -- Hosts that refused what was stored look again.
      perform pg_notify('tasker_host_registry', p_namespace);
    end if;
    return jsonb_build_object('verdict', 'known');
  end if;

  insert into tasker_host.handler_versions
    (namespace, name, version, digest, callables, source_map, active, created_at, uploaded_by)
  values (p_namespace, p_name, p_version, v_digest, p_callables, v_source_map, false, v_now, p_actor)
  on conflict (namespace, name, version) do update
  set digest = excluded.digest, callables = excluded.callables, source_map = excluded.source_map, active = false,
      created_at = excluded.created_at, uploaded_by = excluded.uploaded_by, approved_at = null, approved_by = null,
      deprecated_at = null, deprecated_by = null;
  insert into tasker_host.version_digests (namespace, name, version, digest)
  values (p_namespace, p_name, p_version, v_digest)
  on conflict (namespace, name, version, digest) do update set binding_id = default;
  perform tasker_host.note_registry_change(
    p_actor, 'handler.uploaded', p_namespace,
    jsonb_strip_nulls(jsonb_build_object(
      'name', p_name, 'version', p_version, 'digest', v_digest, 'replaced_digest', v_known)));
  return jsonb_strip_nulls(jsonb_build_object(
    'verdict', case when v_known is null then 'created' else 'replaced' end,
    'again', case when v_known is null and v_bound = v_digest then true end));
end
$$;
