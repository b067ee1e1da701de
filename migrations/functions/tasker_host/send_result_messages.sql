-- Tells Tasker's orchestrator that these steps have results: its message, its queue, its notification.
create or replace function tasker_host.send_result_messages(p_steps uuid[]) returns void
language plpgsql as $$
declare
  v_result record;
begin
  for v_result in
    select jsonb_build_object(
             'task_uuid', t.task_uuid, 'step_uuid', s.workflow_step_uuid, 'correlation_id', t.correlation_id) as message,
           coalesce(tasker.get_current_task_state(t.task_uuid), 'pending')
             in ('pending', 'initializing', 'enqueuing_steps') as early
    from tasker.workflow_steps s
    cross join lateral (
      select t.task_uuid, t.correlation_id from tasker.tasks t where t.task_uuid = s.task_uuid limit 1
    ) t
    where s.workflow_step_uuid = any (p_steps)
    order by s.workflow_step_uuid
  loop
    if v_result.early then
      perform pgmq.send('orchestration_step_results', v_result.message, 1);
    else
      perform tasker.pgmq_send_with_notify('orchestration_step_results', v_result.message, 0);
    end if;
  end loop;
end
$$;
