-- How many rows pruning would delete, by what they are; a time that is null leaves that kind alone. Reads only.
create or replace function tasker_host.prunable(
  p_tasks_before timestamp, p_archives_before timestamp, p_leases_before timestamp, p_audit_before timestamp
) returns table (what text, rows bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_queue text;
  v_messages bigint := 0;
  v_more bigint;
begin
  if p_archives_before is not null then
    for v_queue in select m.queue_name from pgmq.meta m where m.queue_name like 'worker\_%\_queue' loop
      execute format('select count(*) from pgmq.%I where archived_at < $1', 'a_' || lower(v_queue))
      into v_more using p_archives_before at time zone 'UTC';
      v_messages := v_messages + v_more;
    end loop;
  end if;

  return query
    with finished as materialized (
      select t.task_uuid from tasker.tasks t
      where t.task_uuid < tasker_host.first_uuid_at(p_tasks_before) and tasker_host.is_prunable(t.task_uuid, p_tasks_before)
    )
    select 'tasks', count(*) from finished
    union all
    select 'steps', count(*) from finished f join tasker.workflow_steps s on s.task_uuid = f.task_uuid
    union all
    select 'archived messages', v_messages
    union all
    -- Those that do not go with their tasks.
    select 'leases', count(*) from tasker_host.step_leases l
    where l.workflow_step_uuid < tasker_host.first_uuid_at(p_leases_before)
      and tasker_host.is_finished(l.task_uuid, p_leases_before)
      and not exists (select from finished f where f.task_uuid = l.task_uuid)
      and not exists (
        select from tasker_host.step_leases live
        where live.workflow_step_uuid = l.workflow_step_uuid and live.ended_at is null)
    union all
    select 'sessions', count(*) from tasker_host.host_sessions s
    where s.ended_at < p_leases_before
      and not exists (select from tasker_host.step_leases l where l.session_uuid = s.session_uuid and l.ended_at is null)
    union all
    select 'audit entries', count(*) from tasker_host.audit_entries a
    where a.recorded_at < p_audit_before and a.recorded_at < (select tasker_host.audit_floor());
end
$$;
