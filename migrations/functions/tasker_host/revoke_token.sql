-- Revokes the live token with this handle or name, and says so in the audit; returns it. A handle wins over another token's
-- name. Asking twice returns nothing the second time.
create or replace function tasker_host.revoke_token(p_actor jsonb, p_token text)
returns table (handle text, name text)
language plpgsql as $$
#variable_conflict use_column
declare
  v_handle text;
begin
  select t.handle into v_handle from tasker_host.api_tokens t
  where t.revoked_at is null and (t.handle = p_token or t.name = p_token)
  order by t.handle = p_token desc
  limit 1;
  return query
    update tasker_host.api_tokens t set revoked_at = tasker_host.current_time()
    where t.handle = v_handle and t.revoked_at is null
    returning t.handle, t.name;
  if not found then
    return;
  end if;
  perform tasker_host.record_audit(p_actor, 'token.revoked', null, jsonb_build_object('handle', t.handle, 'name', t.name))
  from tasker_host.api_tokens t where t.handle = v_handle;
end
$$;
