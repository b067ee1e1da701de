-- The worker's half of a report: fences by epoch, writes results, transitions and audit rows, and ends the leases. Returns the
-- steps whose results were taken; the others are not their lease's any more. Rows must be distinct by step.
--
-- With `p_complete` a success goes on to `complete` at once: embedded orchestration writes both transitions together.
-- `p_ended_as`: what the lease's row says of its end. The step's event repeats success and time outside of Tasker's own
-- members, which is where Tasker's audit trigger looks for them.
-- The caller holds the tasks' row locks. Locks from here: transitions, steps, leases.
create or replace function tasker_host.record_results(
  p_session uuid, p_steps uuid[], p_epochs int[], p_success boolean[], p_results jsonb[], p_complete boolean, p_ended_as text
) returns uuid[]
language plpgsql as $$
declare
  v_now timestamp := tasker_host.current_time();
  v_stamp text := to_char(v_now, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  v_complete jsonb := tasker_host.event_metadata('{"type":"Complete"}', v_now);
  v_by_trigger boolean := tasker_host.audit_by_trigger();
  v_held uuid[];
  v_moved uuid[];
  v_keys int[];
begin
  -- Leases change only under the tasks' locks, which are held: what is live now stays so.
  v_held := array(
    select l.workflow_step_uuid
    from tasker_host.step_leases l
    where l.workflow_step_uuid = any (p_steps) and l.ended_at is null
      and l.epoch = p_epochs[array_position(p_steps, l.workflow_step_uuid)]);

  with left_state as (
    update tasker.workflow_step_transitions t
    set most_recent = false, updated_at = v_now
    where t.workflow_step_uuid = any (v_held) and t.most_recent and t.to_state = 'in_progress'
    returning t.workflow_step_uuid, t.sort_key
  )
  select coalesce(array_agg(workflow_step_uuid), '{}'), coalesce(array_agg(sort_key), '{}') into v_moved, v_keys from left_state;

  with taken as materialized (
    select m.step_uuid, m.sort_key, r.success, t.task_uuid, t.correlation_id,
           tasker.uuid_generate_v7() as transition_uuid,
           case when jsonb_typeof(r.time) = 'number' then trunc(least(greatest(r.time::numeric, 0), 1e15))::bigint
           end as execution_time_ms
    from unnest(v_moved, v_keys) m (step_uuid, sort_key)
    cross join lateral (select array_position(p_steps, m.step_uuid) as n) p
    cross join lateral (
      select p_success[p.n] as success, p_results[p.n] #> '{metadata,execution_time_ms}' as time) r
    cross join lateral (
      select t.task_uuid, t.correlation_id
      from tasker.tasks t
      where t.task_uuid = (
        select s.task_uuid from tasker.workflow_steps s where s.workflow_step_uuid = m.step_uuid) limit 1
    ) t
  ), transitions as (
    insert into tasker.workflow_step_transitions
      (workflow_step_transition_uuid, workflow_step_uuid, from_state, to_state, sort_key, most_recent, metadata,
       created_at, updated_at)
    select taken.transition_uuid, taken.step_uuid, 'in_progress',
           case when taken.success then 'enqueued_for_orchestration' else 'enqueued_as_error_for_orchestration' end,
           taken.sort_key + 1, not (p_complete and taken.success),
           jsonb_build_object(
             'event',
             '{"type":"' || case when taken.success then 'EnqueueForOrchestration' else 'EnqueueAsErrorForOrchestration' end
             || '","success":' || taken.success::text
             || ',"metadata":{"execution_time_ms":' || coalesce(taken.execution_time_ms::text, 'null') || '}}',
             'timestamp', v_stamp, 'worker_uuid', p_session, 'correlation_id', taken.correlation_id),
           v_now, v_now
    from taken
    union all
    select tasker.uuid_generate_v7(), taken.step_uuid, 'enqueued_for_orchestration', 'complete', taken.sort_key + 2, true,
           v_complete, v_now, v_now
    from taken
    where p_complete and taken.success
  )
  insert into tasker.workflow_step_result_audit
    (workflow_step_uuid, workflow_step_transition_uuid, task_uuid, recorded_at, worker_uuid, correlation_id, success,
     execution_time_ms, created_at, updated_at)
  select taken.step_uuid, taken.transition_uuid, taken.task_uuid, v_now, p_session, taken.correlation_id, taken.success,
         taken.execution_time_ms, v_now, v_now
  from taken
  where not v_by_trigger;

  update tasker.workflow_steps s
  set in_process = false, updated_at = v_now,
      results = p_results[array_position(p_steps, s.workflow_step_uuid)],
      processed = p_complete and p_success[array_position(p_steps, s.workflow_step_uuid)],
      processed_at = case when p_complete and p_success[array_position(p_steps, s.workflow_step_uuid)] then v_now end
  where s.workflow_step_uuid = any (v_moved);

  update tasker_host.step_leases l
  set ended_at = v_now, ended_as = case when l.workflow_step_uuid = any (v_moved) then p_ended_as else 'superseded' end
  where l.workflow_step_uuid = any (v_held) and l.ended_at is null;
  return v_moved;
end
$$;
