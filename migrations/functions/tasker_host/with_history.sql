-- A checkpoint with the history of cursors that led to it: that of the step's last checkpoint and its own, the latest hundred.
create or replace function tasker_host.with_history(p_checkpoint jsonb, p_last jsonb) returns jsonb
language sql immutable parallel safe as $$
  select p_checkpoint || jsonb_build_object('history', jsonb_path_query_array(
    coalesce(p_last -> 'history', '[]')
      || jsonb_build_object('cursor', p_checkpoint -> 'cursor', 'timestamp', p_checkpoint -> 'timestamp'),
    '$[last - 99 to last]'))
$$;
