-- Takes the tasks' row locks, the first of the lock order. Whoever judges readiness, ends leases or finalizes holds them,
-- taken in a statement of its own: the next one has a newer snapshot, so of two reports that complete the last two parents
-- of a join the second one sees both. Needs READ COMMITTED.
create or replace function tasker_host.lock_tasks(p_tasks uuid[]) returns void
language plpgsql as $$
begin
  perform from tasker.tasks t where t.task_uuid = any (p_tasks) order by t.task_uuid for no key update;
end
$$;
