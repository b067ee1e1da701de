-- True where somebody has said which version of a handler shall run: one is active, or it was deactivated. What a host finds
-- in its folder and knew before changes nothing of that.
create or replace function tasker_host.handler_is_settled(p_namespace text, p_name text) returns boolean
language sql stable as $$
  select exists (
    select from tasker_host.handler_versions v where v.namespace = p_namespace and v.name = p_name and v.active
  ) or coalesce((
    select a.reason = 'deactivated' from tasker_host.handler_activations a
    where a.namespace = p_namespace and a.name = p_name
    order by a.activation_id desc limit 1
  ), false)
$$;
