-- Makes a version the active one of its handler. Returns {"verdict"}:
--   'promoted'       what it replaced is in "replaced" {"version","digest"}, or that is null
--   'unchanged'      it is active already
--   'settled'        somebody has said what shall run (only with `p_if_new`, see handler_is_settled())
--   'unknown'        there is no such version
--   'deprecated'     it may not become active any more
--   'needs_approval' it imports more than what it follows: "active", "added", "removed" of wider_than()
--   and those of activation_problem()
-- `p_default`, `p_ceiling`: see activation_problem(). `p_approved`: wider imports need no approval (a developer's own host);
-- the audit then says what nobody was asked about.
create or replace function tasker_host.promote_version(
  p_actor jsonb, p_namespace text, p_name text, p_version text, p_default text[], p_ceiling text[],
  p_approved boolean, p_if_new boolean
) returns jsonb
language plpgsql as $$
declare
  v_version tasker_host.handler_versions;
  v_problem jsonb;
  v_wider jsonb;
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
  elsif p_if_new and tasker_host.handler_is_settled(p_namespace, p_name) then
    return jsonb_build_object('verdict', 'settled');
  elsif v_version.deprecated_at is not null then
    return jsonb_build_object('verdict', 'deprecated');
  end if;

  v_problem := tasker_host.activation_problem(p_namespace, p_name, p_version, p_default, p_ceiling);
  if v_problem is not null then
    return v_problem;
  end if;

  if v_version.approved_at is null then
    v_wider := tasker_host.wider_than(p_namespace, p_name, p_version);
  end if;
  if v_wider is not null and not p_approved then
    return jsonb_build_object('verdict', 'needs_approval') || v_wider;
  elsif v_wider is not null then
    perform tasker_host.record_audit(
      p_actor, 'grant.approval_waived', p_namespace,
      jsonb_build_object('name', p_name, 'version', p_version, 'digest', v_version.digest) || v_wider);
  end if;

  select max(a.activation_id) into v_previous
  from tasker_host.handler_activations a where a.namespace = p_namespace and a.name = p_name;
  return jsonb_build_object(
    'verdict', 'promoted',
    'replaced', tasker_host.activate_version(p_actor, p_namespace, p_name, p_version, 'promoted', v_previous));
end
$$;
