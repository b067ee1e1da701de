-- Counts of each task's steps and what follows from them; failures before readiness before progress.
create or replace function tasker.get_task_execution_contexts_batch(input_task_uuids uuid[])
returns table (
  task_uuid uuid, named_task_uuid uuid, status text, total_steps bigint, pending_steps bigint, in_progress_steps bigint,
  completed_steps bigint, failed_steps bigint, ready_steps bigint, execution_status text, recommended_action text,
  completion_percentage numeric, health_status text, enqueued_steps bigint
)
language sql stable as $$
  with counted as (
    select t.task_uuid, t.named_task_uuid, coalesce(tasker.get_current_task_state(t.task_uuid), 'pending') as status,
           count(s.workflow_step_uuid) as total,
           count(*) filter (where s.current_state = 'pending') as pending,
           count(*) filter (where s.current_state = 'in_progress') as in_progress,
           count(*) filter (where s.current_state in ('complete', 'resolved_manually')) as done,
           count(*) filter (where s.current_state = 'error') as failed,
           count(*) filter (where s.ready_for_execution) as ready,
           count(*) filter (where s.current_state in
             ('enqueued', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')) as enqueued
    from tasker.tasks t
    left join tasker.get_step_readiness_status_batch(input_task_uuids) s on s.task_uuid = t.task_uuid
    where t.task_uuid = any (input_task_uuids)
    group by t.task_uuid
  ), judged as (
    select c.*, case
        when failed > 0 then 'blocked_by_failures'
        when ready > 0 then 'has_ready_steps'
        when in_progress + enqueued > 0 then 'processing'
        when total > 0 and done = total then 'all_complete'
        else 'waiting_for_dependencies'
      end as execution_status
    from counted c
  )
  select task_uuid, named_task_uuid, status, total, pending, in_progress, done, failed, ready, execution_status,
         case execution_status
           when 'blocked_by_failures' then 'handle_failures'
           when 'has_ready_steps' then 'execute_ready_steps'
           when 'processing' then 'wait_for_completion'
           when 'all_complete' then 'finalize_task'
           else 'wait_for_dependencies'
         end,
         case when total = 0 then 0 else round(100.0 * done / total, 2) end,
         case when failed > 0 and ready = 0 then 'blocked'
              when failed = 0 then 'healthy'
              when failed > 0 and ready > 0 then 'recovering'
              else 'unknown' end,
         enqueued
  from judged
$$;
