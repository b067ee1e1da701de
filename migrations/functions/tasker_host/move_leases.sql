-- Gives the leases of these steps from one session to another of the same host: it was declared dead, and lives with what it
-- holds. Nothing starts anew: epoch and attempt stay. Returns how many; the others are another host's by now.
-- Lock order: tasks by uuid, leases.
create or replace function tasker_host.move_leases(p_from uuid, p_to uuid, p_steps uuid[]) returns int
language plpgsql as $$
declare
  v_moved int;
begin
  perform tasker_host.lock_tasks(array(
    select distinct l.task_uuid
    from tasker_host.step_leases l
    where l.workflow_step_uuid = any (p_steps) and l.ended_at is null and l.session_uuid = p_from));
  update tasker_host.step_leases l
  set session_uuid = p_to
  where l.workflow_step_uuid = any (p_steps) and l.session_uuid = p_from and l.ended_at is null and l.released_at is null;
  get diagnostics v_moved = row_count;
  return v_moved;
end
$$;
