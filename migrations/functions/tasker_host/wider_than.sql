-- What a version would let run with more of the host than before, as {"active","added","removed"}; null where nothing does.
-- It is held against what its handler ran last, and against what ran each of its callables last, in whatever handler: a
-- callable that moves brings no wider imports along than a new version of its old handler would. "active": the version that
-- it imports more than. A callable that never ran is held against the grants alone.
-- Locks: the caller holds the registry's.
create or replace function tasker_host.wider_than(p_namespace text, p_name text, p_version text) returns jsonb
language sql stable as $$
  with candidate as (
    select v.callables, tasker_host.interfaces_of(c.imports) as interfaces
    from tasker_host.handler_versions v
    join tasker_host.components c on c.digest = v.digest
    where v.namespace = p_namespace and v.name = p_name and v.version = p_version
  ),
  before as (
    (select a.* from tasker_host.handler_activations a
     where a.namespace = p_namespace and a.name = p_name
     order by a.activation_id desc limit 1)
    union all
    select a.*
    from candidate n, unnest(n.callables) c (callable)
    cross join lateral (
      select a.* from tasker_host.handler_activations a
      where a.namespace = p_namespace and c.callable = any (a.callables)
      order by a.activation_id desc limit 1
    ) a
  )
  select jsonb_build_object(
           'active', case when b.name = p_name then b.version else b.name || '@' || b.version end,
           'added', w.added,
           'removed', array(select i.name from unnest(b.interfaces) i (name) where i.name <> all (n.interfaces)))
  from candidate n, before b
  cross join lateral (
    select array(select i.name from unnest(n.interfaces) i (name) where i.name <> all (b.interfaces)) as added
  ) w
  where cardinality(w.added) > 0
  -- Its own handler's version first: that is what people expect to be compared.
  order by (b.name = p_name) desc, b.activation_id desc
  limit 1
$$;
