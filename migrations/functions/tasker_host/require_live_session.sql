-- Raises TH001 where the session has ended: a host that was declared dead must claim nothing under its old name.
create or replace function tasker_host.require_live_session(p_session uuid) returns void
language plpgsql as $$
begin
  if not exists (select from tasker_host.host_sessions s where s.session_uuid = p_session and s.ended_at is null) then
    raise exception 'host session "%" is not live', p_session using errcode = 'TH001';
  end if;
end
$$;
