-- Sends a message and notifies the namespace's channel and the global one, with the message where it is short enough.
create or replace function tasker.pgmq_send_with_notify(queue_name text, message jsonb, delay_seconds int default 0)
returns bigint
language plpgsql as $$
declare
  v_namespace text := tasker.extract_queue_namespace(queue_name);
  v_id bigint;
  v_event jsonb;
begin
  select sent.id into v_id from pgmq.send(queue_name, message, delay_seconds) sent (id);
  v_event := jsonb_build_object(
    'msg_id', v_id, 'queue_name', queue_name, 'namespace', v_namespace, 'ready_at', clock_timestamp(),
    'delay_seconds', delay_seconds);
  if length(message::text) < 7000 then
    v_event := v_event || jsonb_build_object('event_type', 'message_with_payload', 'message', message);
  else
    v_event := v_event || jsonb_build_object('event_type', 'message_ready', 'payload_omitted', true);
  end if;
  perform pg_notify('pgmq_message_ready.' || v_namespace, v_event::text);
  perform pg_notify('pgmq_message_ready', v_event::text);
  return v_id;
end
$$;
