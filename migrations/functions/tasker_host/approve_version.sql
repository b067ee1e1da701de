-- Lets a version become active although it imports more than the one that is active then. Who let it first stays known when
-- others do so again. False where there is no such version.
create or replace function tasker_host.approve_version(p_actor jsonb, p_namespace text, p_name text, p_version text)
returns boolean
language plpgsql as $$
declare
  v_digest text;
begin
  perform tasker_host.lock_registry(p_namespace);
  update tasker_host.handler_versions v
  set approved_at = coalesce(v.approved_at, tasker_host.current_time()), approved_by = coalesce(v.approved_by, p_actor)
  where v.namespace = p_namespace and v.name = p_name and v.version = p_version
  returning v.digest into v_digest;
  if not found then
    return false;
  end if;
  perform tasker_host.note_registry_change(
    p_actor, 'grant.approved', p_namespace,
    jsonb_build_object('name', p_name, 'version', p_version, 'digest', v_digest, 'imports', (
      select to_jsonb(c.imports) from tasker_host.components c where c.digest = v_digest)));
  return true;
end
$$;
