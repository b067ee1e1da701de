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
    with wanted as materialized (
      select s.task_uuid, s.workflow_step_uuid, t.correlation_id, t.priority, t.named_task_uuid
      from tasker.workflow_steps s
      cross join lateral (
        select t.correlation_id, t.priority, t.named_task_uuid from tasker.tasks t where t.task_uuid = s.task_uuid limit 1
      ) t
      where s.workflow_step_uuid = any (p_steps)
    ), templates as materialized (
      -- Once for each template, not for each step.
      select used.named_task_uuid, tasker_host.namespace_of(used.named_task_uuid) as namespace
      from (select distinct w.named_task_uuid from wanted w) used
    )
    select tpl.namespace, tasker_host.queue_of(tpl.namespace) as queue,
           array_agg(
             jsonb_build_object(
               'task_uuid', w.task_uuid, 'step_uuid', w.workflow_step_uuid, 'correlation_id', w.correlation_id)
             order by w.priority desc, w.workflow_step_uuid) as messages
    from wanted w
    join templates tpl on tpl.named_task_uuid = w.named_task_uuid
    group by tpl.namespace
    order by tpl.namespace
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
