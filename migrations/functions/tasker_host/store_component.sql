-- Stores a component and one prepared form of it. What is there already stays as it is: both are named by their content.
create or replace function tasker_host.store_component(
  p_digest text, p_bytes bytea, p_source_map text, p_imports text[], p_exports text[],
  p_preparer_version text, p_fuel_schedule_id text, p_artifact bytea, p_describe_fuel bigint
) returns void
language plpgsql as $$
begin
  insert into tasker_host.components (digest, bytes, source_map, imports, exports, created_at)
  values (p_digest, p_bytes, p_source_map, p_imports, p_exports, tasker_host.current_time())
  on conflict (digest) do nothing;
  insert into tasker_host.artifacts (digest, preparer_version, fuel_schedule_id, bytes, describe_fuel, created_at)
  values (p_digest, p_preparer_version, p_fuel_schedule_id, p_artifact, p_describe_fuel, tasker_host.current_time())
  on conflict (digest, preparer_version, fuel_schedule_id) do nothing;
end
$$;
