-- The task's state: its most recent transition.
create or replace function tasker.get_current_task_state(p_task_uuid uuid) returns text
language sql stable as $$
  select to_state::text from tasker.task_transitions where task_uuid = p_task_uuid and most_recent
$$;
