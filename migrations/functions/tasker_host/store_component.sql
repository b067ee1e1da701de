-- Stores a component and one prepared form of it. What is there already stays as it is, as both are named by their content;
-- only a prepared form that is not what was stored is replaced. All namespaces share them, so the name is checked against the
-- bytes: nobody stores something under the digest of what another will upload.
create or replace function tasker_host.store_component(
  p_digest text, p_bytes bytea, p_imports text[], p_exports text[], p_capabilities text[],
  p_preparer_version text, p_fuel_schedule_id text, p_artifact bytea, p_describe_fuel bigint
) returns void
language plpgsql as $$
begin
  if encode(sha256(p_bytes), 'hex') is distinct from p_digest then
    raise exception 'Cannot store component %: its bytes have the digest %', p_digest, encode(sha256(p_bytes), 'hex')
      using errcode = 'check_violation';
  end if;
  insert into tasker_host.components (digest, bytes, imports, exports, capabilities, created_at)
  values (p_digest, p_bytes, p_imports, p_exports, p_capabilities, tasker_host.current_time())
  on conflict (digest) do nothing;
  insert into tasker_host.artifacts as a
    (digest, preparer_version, fuel_schedule_id, bytes, sha256, describe_fuel, created_at)
  values (p_digest, p_preparer_version, p_fuel_schedule_id, p_artifact, encode(sha256(p_artifact), 'hex'),
          p_describe_fuel, tasker_host.current_time())
  on conflict (digest, preparer_version, fuel_schedule_id) do update
  set bytes = excluded.bytes, sha256 = excluded.sha256
  where a.sha256 <> encode(sha256(a.bytes), 'hex');
end
$$;
