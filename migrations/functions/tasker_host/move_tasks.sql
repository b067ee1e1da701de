-- Moves tasks along a path of states, as `move_steps` does with steps: `p_path[1]` is the state that they must be in.
-- Returns the tasks that moved. The caller holds the tasks' row locks.
-- Index: idx_task_transitions_most_recent.
create or replace function tasker_host.move_tasks(p_tasks uuid[], p_path text[], p_events text[], p_processor uuid)
returns uuid[]
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_last int := cardinality(p_path);
  v_moved uuid[];
  v_keys int[];
begin
  if coalesce(cardinality(p_tasks), 0) = 0 then
    return '{}';
  end if;

  with left_state as (
    update tasker.task_transitions t
    set most_recent = false, updated_at = v_now
    where t.task_uuid = any (p_tasks) and t.most_recent and t.to_state = p_path[1]
    returning t.task_uuid, t.sort_key
  )
  select coalesce(array_agg(task_uuid), '{}'), coalesce(array_agg(sort_key), '{}') into v_moved, v_keys from left_state;

  insert into tasker.task_transitions
    (task_uuid, from_state, to_state, sort_key, most_recent, metadata, processor_uuid, created_at, updated_at)
  select moved.task_uuid, p_path[arrow.n], p_path[arrow.n + 1], moved.sort_key + arrow.n, arrow.n = v_last - 1,
         jsonb_build_object('event', arrow.event), p_processor, v_now, v_now
  from unnest(v_moved, v_keys) moved (task_uuid, sort_key)
  cross join (select u.event, u.n::int as n from unnest(p_events) with ordinality u (event, n)) arrow
  order by moved.task_uuid, arrow.n;
  return v_moved;
end
$$;
