-- Makes a component known as a version and asks for its promotion, in one transaction: a host that is killed leaves both or
-- neither. Where only the promotion is refused, the version is stored. Returns the verdict of register_version(), and unless
-- that is 'conflict', with that of promote_version() in "promotion".
-- `p_if_new`: bytes that are or were known change nothing of what somebody has settled, see handler_is_settled(); "promotion" is null.
create or replace function tasker_host.register_and_promote(
  p_actor jsonb, p_namespace text, p_name text, p_version text, p_callables text[],
  p_component jsonb, p_bytes bytea, p_artifact bytea, p_default text[], p_ceiling text[],
  p_if_new boolean
) returns jsonb
language plpgsql as $$
declare
  v_registered jsonb;
  v_promoted jsonb;
begin
  v_registered := tasker_host.register_version(
    p_actor, p_namespace, p_name, p_version, p_callables, p_component, p_bytes, p_artifact, false);
  if v_registered ->> 'verdict' = 'conflict' then
    return v_registered;
  end if;
  v_promoted := tasker_host.promote_version(
    p_actor, p_namespace, p_name, p_version, p_default, p_ceiling, false,
    p_if_new and (v_registered ->> 'verdict' = 'known' or v_registered ? 'again'));
  return v_registered || jsonb_build_object(
    'promotion', case when v_promoted ->> 'verdict' <> 'settled' then v_promoted end);
end
$$;
