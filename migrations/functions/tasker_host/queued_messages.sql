-- Every message in the step queues of all namespaces, visible or not; `step_uuid` is null where it names none, `visible_at` is
-- when hosts may see it. Reads only, in the snapshot of the statement that calls it.
create or replace function tasker_host.queued_messages()
returns table (queue_name text, msg_id bigint, step_uuid uuid, visible_at timestamp)
language plpgsql stable as $$
declare
  v_queue text;
begin
  for v_queue in
    select m.queue_name from pgmq.meta m where m.queue_name like 'worker\_%\_queue' order by m.queue_name
  loop
    return query execute format(
      'select %L::text, q.msg_id,
              case when q.message ->> ''step_uuid'' ~* ''^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$''
                   then (q.message ->> ''step_uuid'')::uuid end,
              greatest(q.enqueued_at, q.vt) at time zone ''UTC''
       from pgmq.%I q', v_queue, 'q_' || lower(v_queue));
  end loop;
end
$$;
