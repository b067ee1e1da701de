-- Undoes the last promotion or deactivation of a handler; the next call undoes the one before. Versions that were deleted,
-- deprecated or whose bytes were replaced meanwhile are passed over, and so is the time between a deactivation and the
-- promotion that ended it. Returns {"verdict"}:
--   'rolled_back'  "version" is active again, "replaced" {"version","digest"} is not, or that is null
--   'unknown'      no version of the handler was ever active
--   'nothing'      there is none before it
--   and those of activation_problem()
create or replace function tasker_host.roll_back_handler(
  p_actor jsonb, p_namespace text, p_name text, p_default text[], p_ceiling text[]
) returns jsonb
language plpgsql as $$
declare
  v_active text;
  v_previous bigint;
  v_target tasker_host.handler_activations;
  v_problem jsonb;
begin
  perform tasker_host.lock_registry(p_namespace);

  select v.version into v_active
  from tasker_host.handler_versions v where v.namespace = p_namespace and v.name = p_name and v.active;
  select a.previous_id into v_previous
  from tasker_host.handler_activations a
  where a.namespace = p_namespace and a.name = p_name
  order by a.activation_id desc limit 1;
  if not found then
    return jsonb_build_object('verdict', 'unknown');
  end if;

  loop
    if v_previous is null then
      return jsonb_build_object('verdict', 'nothing');
    end if;
    select a.* into strict v_target from tasker_host.handler_activations a where a.activation_id = v_previous;
    exit when v_target.version is distinct from v_active and exists (
      select from tasker_host.handler_versions v
      where v.namespace = p_namespace and v.name = p_name and v.version = v_target.version
        and v.digest = v_target.digest and v.deprecated_at is null);
    v_previous := v_target.previous_id;
  end loop;

  v_problem := tasker_host.activation_problem(p_namespace, p_name, v_target.version, p_default, p_ceiling);
  if v_problem is not null then
    return v_problem || jsonb_build_object('version', v_target.version);
  end if;
  return jsonb_build_object(
    'verdict', 'rolled_back', 'version', v_target.version,
    'replaced', tasker_host.activate_version(
      p_actor, p_namespace, p_name, v_target.version, 'rolled_back', v_target.previous_id));
end
$$;
