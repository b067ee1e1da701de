-- The name of a namespace's step queue.
create or replace function tasker_host.queue_of(p_namespace text) returns text
language sql immutable parallel safe as $$
  select 'worker_' || p_namespace || '_queue'
$$;
