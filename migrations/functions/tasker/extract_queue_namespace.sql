-- The namespace that a queue serves: what stands in the notification channels' names.
create or replace function tasker.extract_queue_namespace(queue_name text) returns text
language sql immutable as $$
  select case
    when queue_name like 'orchestration%' then 'orchestration'
    when queue_name ~ '^worker_.+_queue$' then regexp_replace(queue_name, '^worker_(.+)_queue$', '\1')
    when queue_name ~ '^.+_queue$' then regexp_replace(queue_name, '_queue$', '')
    else 'default'
  end
$$;
