-- Records a change of a namespace's handlers or grants in the audit and tells all hosts of it, when the transaction commits.
create or replace function tasker_host.note_registry_change(
  p_actor jsonb, p_action text, p_namespace text, p_subject jsonb
) returns void
language plpgsql as $$
begin
  perform tasker_host.record_audit(p_actor, p_action, p_namespace, p_subject);
  perform pg_notify('tasker_host_registry', p_namespace);
end
$$;
