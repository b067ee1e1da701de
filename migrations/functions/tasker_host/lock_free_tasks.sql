-- Takes the row locks of those tasks that nobody else holds, and returns them: work in the background passes by a task that a
-- report works on, or that an operator holds in a session of their own. As `lock_tasks`, in a statement of its own; it never
-- waits, so it may be called while locks are held already.
create or replace function tasker_host.lock_free_tasks(p_tasks uuid[]) returns uuid[]
language plpgsql as $$
begin
  return array(
    select f.task_uuid
    from (
      select t.task_uuid from tasker.tasks t
      where t.task_uuid = any (p_tasks) order by t.task_uuid for no key update skip locked
    ) f);
end
$$;
