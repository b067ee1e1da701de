-- Adds an entry to the audit, in the transaction of the change that it tells of: neither is there without the other.
-- `p_actor`: {"kind","name","origin","handle"}, the last one of tokens only. Times of one transaction may differ by what passes in it.
create or replace function tasker_host.record_audit(p_actor jsonb, p_action text, p_namespace text, p_subject jsonb)
returns void
language sql as $$
  insert into tasker_host.audit_entries
    (recorded_at, action, namespace, actor_kind, actor_name, actor_origin, actor_handle, subject)
  values (
    tasker_host.current_time(), p_action, p_namespace,
    p_actor ->> 'kind', p_actor ->> 'name', p_actor ->> 'origin', p_actor ->> 'handle', p_subject)
$$;
