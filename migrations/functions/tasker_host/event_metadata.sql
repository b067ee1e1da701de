-- The `metadata` of a step transition as tasker-core writes it: the event as a JSON *string*, and when it happened.
create or replace function tasker_host.event_metadata(p_event text, p_now timestamp) returns jsonb
language sql stable parallel safe as $$
  select jsonb_build_object('event', p_event, 'timestamp', to_char(p_now, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
$$;
