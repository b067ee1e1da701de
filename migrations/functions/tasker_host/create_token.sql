-- Adds an API token, and says so in the audit. False where a live token has the name already.
create or replace function tasker_host.create_token(
  p_actor jsonb, p_handle text, p_name text, p_secret_hash bytea, p_permissions text[], p_namespaces text[],
  p_lifetime_seconds bigint
) returns boolean
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_expires_at timestamp := v_now + make_interval(secs => p_lifetime_seconds);
begin
  insert into tasker_host.api_tokens (handle, name, secret_hash, permissions, namespaces, created_at, expires_at)
  values (p_handle, p_name, p_secret_hash, p_permissions, p_namespaces, v_now, v_expires_at)
  on conflict (name) where revoked_at is null do nothing;
  if not found then
    return false;
  end if;
  perform tasker_host.record_audit(p_actor, 'token.created', null, jsonb_build_object(
    'handle', p_handle, 'name', p_name, 'permissions', p_permissions, 'namespaces', p_namespaces,
    'expires_at', v_expires_at));
  return true;
end
$$;
