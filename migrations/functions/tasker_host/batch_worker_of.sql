-- The template of the workers that a batch outcome asks for; without batches the batchable step's own configuration names it.
create or replace function tasker_host.batch_worker_of(p_batchable jsonb, p_outcome jsonb) returns text
language sql immutable parallel safe as $$
  select coalesce(p_outcome ->> 'worker_template_name', p_batchable #>> '{handler,initialization,worker_template_name}')
$$;
