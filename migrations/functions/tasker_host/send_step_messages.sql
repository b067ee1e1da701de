-- Puts one message for each step into the queue of its namespace and wakes the listeners: one NOTIFY a queue, on the
-- channel and in the shape that Tasker's own senders use. The steps' transition to `enqueued` is in the same transaction.
create or replace function tasker_host.send_step_messages(p_steps uuid[]) returns void
language plpgsql as $$
declare
  v_batch record;
  v_ids bigint[];
begin
  if coalesce(cardinality(p_steps), 0) = 0 then
    return;
  end if;
  for v_batch in
    select ns.name as namespace, tasker_host.queue_of(ns.name) as queue,
           array_agg(
             jsonb_build_object(
               'task_uuid', t.task_uuid, 'step_uuid', s.workflow_step_uuid, 'correlation_id', t.correlation_id)
             order by t.priority desc, s.workflow_step_uuid) as messages
    from unnest(p_steps) wanted (step_uuid)
    join tasker.workflow_steps s on s.workflow_step_uuid = wanted.step_uuid
    join tasker.tasks t on t.task_uuid = s.task_uuid
    join tasker.named_tasks nt on nt.named_task_uuid = t.named_task_uuid
    join tasker.task_namespaces ns on ns.task_namespace_uuid = nt.task_namespace_uuid
    group by ns.name
    order by ns.name
  loop
    execute format(
      'with sent as (
         insert into pgmq.%I (vt, message)
         select clock_timestamp(), m.message from unnest($1) with ordinality m (message, ord) order by m.ord
         returning msg_id)
       select array_agg(msg_id) from sent',
      'q_' || lower(v_batch.queue))
    into v_ids using v_batch.messages;
    -- A payload may have 8,000 bytes: the first hundred ids stand for all.
    perform pg_notify('pgmq_message_ready', json_build_object(
      'event_type', 'batch_ready', 'msg_ids', v_ids[1:100], 'queue_name', v_batch.queue, 'namespace', v_batch.namespace,
      'message_count', cardinality(v_ids), 'ready_at', clock_timestamp(), 'delay_seconds', 0)::text);
  end loop;
end
$$;
