-- One change of a namespace's handlers and grants at a time, until the transaction ends.
create or replace function tasker_host.lock_registry(p_namespace text) returns void
language sql as $$
  select pg_advisory_xact_lock(hashtext('tasker_host.registry'), hashtext(p_namespace))
$$;
