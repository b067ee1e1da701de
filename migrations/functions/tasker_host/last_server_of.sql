-- What served a callable last in a namespace, as "name@version", whether it is active, deactivated or deleted; null where
-- nothing ever did. It tells a callable that waits for a promotion from one that nobody has written.
create or replace function tasker_host.last_server_of(p_namespace text, p_callable text) returns text
language sql stable as $$
  select a.name || '@' || a.version
  from tasker_host.handler_activations a
  where a.namespace = p_namespace and a.callables @> array[p_callable]
  order by a.activation_id desc limit 1
$$;
