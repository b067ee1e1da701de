-- Why a version may not become active in its namespace, as a verdict; null where it may.
--   'not_granted'    it needs capabilities that the namespace does not have, or that no namespace has on the host that
--                    asks: "missing", "granted"
--   'callable_taken' active handlers serve callables of it: "conflicts" [{"callable","held_by"}]
-- `p_default`: the capabilities of a namespace without grants of its own. `p_ceiling`: those that no namespace gets beyond.
-- Locks: the caller holds the registry's.
create or replace function tasker_host.activation_problem(
  p_namespace text, p_name text, p_version text, p_default text[], p_ceiling text[]
) returns jsonb
language plpgsql as $$
declare
  v_callables text[];
  v_needed text[];
  v_granted text[] := array(
    select g.name
    from unnest(coalesce(
      (select g.capabilities from tasker_host.namespace_grants g where g.namespace = p_namespace), p_default)) g (name)
    where g.name = any (p_ceiling)
    order by 1);
  v_missing text[];
  v_conflicts jsonb;
begin
  select v.callables, c.capabilities into strict v_callables, v_needed
  from tasker_host.handler_versions v
  join tasker_host.components c on c.digest = v.digest
  where v.namespace = p_namespace and v.name = p_name and v.version = p_version;

  v_missing := array(select n.name from unnest(v_needed) n (name) where n.name <> all (v_granted) order by 1);
  if cardinality(v_missing) > 0 then
    return jsonb_build_object('verdict', 'not_granted', 'missing', v_missing, 'granted', v_granted);
  end if;

  select jsonb_agg(jsonb_build_object('callable', a.callable, 'held_by', a.name || '@' || coalesce(v.version, '?'))
                   order by a.callable)
  into v_conflicts
  from tasker_host.active_callables a
  left join tasker_host.handler_versions v on v.namespace = a.namespace and v.name = a.name and v.active
  where a.namespace = p_namespace and a.name <> p_name and a.callable = any (v_callables);
  if v_conflicts is not null then
    return jsonb_build_object('verdict', 'callable_taken', 'conflicts', v_conflicts);
  end if;
  return null;
end
$$;
