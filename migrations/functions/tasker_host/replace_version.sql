-- Makes a component known as a version and active, in one transaction: a developer's own host, where other bytes take the
-- place of a used version and wider imports need no approval. Where it may not become active, what was there stays as it was,
-- and goes on running. Returns the verdict of register_version(), with that of promote_version() in "promotion".
-- `p_if_new`: bytes that are or were known change nothing of what somebody has settled, see handler_is_settled(); "promotion" is null.
create or replace function tasker_host.replace_version(
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
    p_actor, p_namespace, p_name, p_version, p_callables, p_component, p_bytes, p_artifact, true);
  v_promoted := tasker_host.promote_version(
    p_actor, p_namespace, p_name, p_version, p_default, p_ceiling, true,
    p_if_new and (v_registered ->> 'verdict' = 'known' or v_registered ? 'again'));
  if v_promoted ->> 'verdict' = 'settled' then
    return v_registered || jsonb_build_object('promotion', null);
  end if;
  if v_promoted ->> 'verdict' not in ('promoted', 'unchanged') then
    raise exception using errcode = 'TH001';
  end if;
  return v_registered || jsonb_build_object('promotion', v_promoted);
exception when sqlstate 'TH001' then
  return v_registered || jsonb_build_object('promotion', v_promoted);
end
$$;
