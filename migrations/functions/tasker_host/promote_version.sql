-- Makes a version the active one of its handler. Returns {"verdict"}:
--   'promoted'       what it replaced is in "replaced" {"version","digest"}, or that is null
--   'unchanged'      it is active already
--   'unknown'        there is no such version
--   'deprecated'     it may not become active any more
--   'needs_approval' it imports more than the active version ("active"): "added", "removed"
--   and those of activation_problem()
-- `p_approved`: wider imports need no approval (a developer's own host).
create or replace function tasker_host.promote_version(
  p_actor jsonb, p_namespace text, p_name text, p_version text, p_default text[], p_approved boolean
) returns jsonb
language plpgsql as $$
declare
  v_version tasker_host.handler_versions;
  v_active text;
  v_interfaces text[];
  v_active_interfaces text[];
  v_added text[];
  v_problem jsonb;
  v_previous bigint;
begin
  perform tasker_host.lock_registry(p_namespace);

  select v.* into v_version
  from tasker_host.handler_versions v
  where v.namespace = p_namespace and v.name = p_name and v.version = p_version;
  if not found then
    return jsonb_build_object('verdict', 'unknown');
  elsif v_version.active then
    return jsonb_build_object('verdict', 'unchanged');
  elsif v_version.deprecated_at is not null then
    return jsonb_build_object('verdict', 'deprecated');
  end if;

  v_problem := tasker_host.activation_problem(p_namespace, p_name, p_version, p_default);
  if v_problem is not null then
    return v_problem;
  end if;

  select v.version, tasker_host.interfaces_of(c.imports) into v_active, v_active_interfaces
  from tasker_host.handler_versions v
  join tasker_host.components c on c.digest = v.digest
  where v.namespace = p_namespace and v.name = p_name and v.active;
  if found and v_version.approved_at is null and not p_approved then
    select tasker_host.interfaces_of(c.imports) into strict v_interfaces
    from tasker_host.components c where c.digest = v_version.digest;
    v_added := array(select i.name from unnest(v_interfaces) i (name) where i.name <> all (v_active_interfaces));
    if cardinality(v_added) > 0 then
      return jsonb_build_object(
        'verdict', 'needs_approval', 'active', v_active, 'added', v_added,
        'removed', array(select i.name from unnest(v_active_interfaces) i (name) where i.name <> all (v_interfaces)));
    end if;
  end if;

  select max(a.activation_id) into v_previous
  from tasker_host.handler_activations a where a.namespace = p_namespace and a.name = p_name;
  return jsonb_build_object(
    'verdict', 'promoted',
    'replaced', tasker_host.activate_version(p_actor, p_namespace, p_name, p_version, 'promoted', v_previous));
end
$$;
