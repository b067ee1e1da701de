-- The trail names tokens by more than a name that another one may take, and keeps its last day.

-- Of a token: its name may belong to another one later.
alter table tasker_host.audit_entries add column actor_handle text;

-- Pruning takes old entries only, whoever says that it prunes. By the real clock: `tasker_host.now` is anybody's to set.
create or replace function tasker_host.refuse_audit_change() returns trigger
language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('tasker_host.pruning', true) = 'audit' then
    if old.recorded_at < tasker_host.audit_floor() then
      return old;
    end if;
    raise exception 'Cannot delete audit entries of the last day, not even by pruning' using errcode = 'insufficient_privilege';
  end if;
  raise exception 'Cannot % audit entries: they are only ever added', lower(tg_op) using errcode = 'insufficient_privilege';
end
$$;
