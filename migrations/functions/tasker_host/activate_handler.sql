-- Makes a stored component the active version of a handler in a namespace: from the next claim on it runs the callables.
-- Where another active handler of the namespace serves one of them, nothing changes and the conflicts are returned.
-- Locks: one activation at a time in a namespace.
create or replace function tasker_host.activate_handler(
  p_namespace text, p_name text, p_version text, p_digest text, p_callables text[]
) returns table (callable text, held_by text)
language plpgsql as $$
#variable_conflict use_column
declare
  v_now timestamp := tasker_host.current_time();
begin
  perform pg_advisory_xact_lock(hashtext('tasker_host.activate_handler'), hashtext(p_namespace));

  return query
    select a.callable, a.name || '@' || coalesce(v.version, '?')
    from tasker_host.active_callables a
    left join tasker_host.handler_versions v on v.namespace = a.namespace and v.name = a.name and v.active
    where a.namespace = p_namespace and a.name <> p_name and a.callable = any (p_callables)
    order by a.callable;
  if found then
    return;
  end if;

  update tasker_host.handler_versions v set active = false
  where v.namespace = p_namespace and v.name = p_name and v.active;
  insert into tasker_host.handler_versions
    (namespace, name, version, digest, callables, active, created_at, activated_at)
  values (p_namespace, p_name, p_version, p_digest, p_callables, true, v_now, v_now)
  on conflict (namespace, name, version, digest) do update
  set active = true, callables = excluded.callables, activated_at = excluded.activated_at;

  delete from tasker_host.active_callables a where a.namespace = p_namespace and a.name = p_name;
  insert into tasker_host.active_callables (namespace, callable, name, digest)
  select distinct p_namespace, c.callable, p_name, p_digest from unnest(p_callables) c (callable);
end
$$;
