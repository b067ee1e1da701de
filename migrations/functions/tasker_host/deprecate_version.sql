-- Says that a version may not become active any more, or that it may again. One that is active stays so. False where there
-- is no such version.
create or replace function tasker_host.deprecate_version(
  p_actor jsonb, p_namespace text, p_name text, p_version text, p_deprecated boolean
) returns boolean
language plpgsql as $$
declare
  v_digest text;
begin
  perform tasker_host.lock_registry(p_namespace);
  update tasker_host.handler_versions v
  set deprecated_at = case when p_deprecated then coalesce(v.deprecated_at, tasker_host.current_time()) end,
      -- Of one that was deprecated before there was this column nobody knows who did it.
      deprecated_by = case
        when p_deprecated and v.deprecated_at is not null then v.deprecated_by
        when p_deprecated then p_actor
      end
  where v.namespace = p_namespace and v.name = p_name and v.version = p_version
  returning v.digest into v_digest;
  if not found then
    return false;
  end if;
  perform tasker_host.note_registry_change(
    p_actor, 'handler.deprecated', p_namespace,
    jsonb_build_object('name', p_name, 'version', p_version, 'digest', v_digest, 'deprecated', p_deprecated));
  return true;
end
$$;
