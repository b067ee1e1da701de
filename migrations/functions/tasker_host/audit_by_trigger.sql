-- True where tasker-core's own trigger writes the audit rows: then our functions must not.
create or replace function tasker_host.audit_by_trigger() returns boolean
language sql stable as $$
  select exists (
    select from pg_trigger t
    where t.tgrelid = 'tasker.workflow_step_transitions'::regclass
      and t.tgname = 'trg_step_result_audit'
      and t.tgenabled <> 'D')
$$;
