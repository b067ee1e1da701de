-- Moves steps along a path of states by compare-and-swap on the most recent transition: `p_path[1]` is the state that they
-- must be in, `p_events[n]` the event that leads from `p_path[n]` to `p_path[n + 1]`. Returns the steps that moved.
-- A step without a transition counts as `pending`, as everywhere in Tasker.
--
-- Locks: current transitions of the steps, in uuid order: that of idx_workflow_step_transitions_uuid_most_recent.
create or replace function tasker_host.move_steps(p_steps uuid[], p_path text[], p_events text[]) returns uuid[]
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_last int := cardinality(p_path);
  v_moved uuid[];
  v_keys int[];
begin
  if coalesce(cardinality(p_steps), 0) = 0 then
    return '{}';
  end if;

  with left_state as (
    update tasker.workflow_step_transitions t
    set most_recent = false, updated_at = v_now
    where t.workflow_step_uuid = any (p_steps) and t.most_recent and t.to_state = p_path[1]
    returning t.workflow_step_uuid, t.sort_key
  )
  select coalesce(array_agg(workflow_step_uuid), '{}'), coalesce(array_agg(sort_key), '{}')
  into v_moved, v_keys
  from left_state;

  if p_path[1] = 'pending' and cardinality(v_moved) < cardinality(p_steps) then
    select v_moved || coalesce(array_agg(fresh.step_uuid), '{}'), v_keys || coalesce(array_agg(0), '{}')
    into v_moved, v_keys
    from (select distinct step_uuid from unnest(p_steps) wanted (step_uuid)) fresh
    where (select t.sort_key from tasker.workflow_step_transitions t
           where t.workflow_step_uuid = fresh.step_uuid limit 1) is null;
  end if;

  insert into tasker.workflow_step_transitions
    (workflow_step_uuid, from_state, to_state, sort_key, most_recent, metadata, created_at, updated_at)
  select moved.step_uuid, p_path[arrow.n], p_path[arrow.n + 1], moved.sort_key + arrow.n, arrow.n = v_last - 1,
         arrow.metadata, v_now, v_now
  from unnest(v_moved, v_keys) moved (step_uuid, sort_key)
  cross join (
    select u.n::int as n, tasker_host.event_metadata(u.event, v_now) as metadata
    from unnest(p_events) with ordinality u (event, n)
  ) arrow
  order by moved.step_uuid, arrow.n;
  return v_moved;
end
$$;
