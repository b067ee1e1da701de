-- Leases steps in progress that have no live lease to the session and returns what their handlers need, JSON as text so that
-- nothing is re-encoded. Counts an attempt, except for the steps in `p_resumed`, which go on with the one that they have.
--
-- `digest` is the component that is active for the step's callable now: it is fixed for this lease. `callable` is empty
-- where the template has no such step any more. `dependency_results`: [[step name, result as JSON text], …] of all completed
-- ancestors, nearest first. Where they have more than `p_max_bytes` bytes it is null, and `dependency_bytes` says how many: one
-- value cannot be larger than a gigabyte, and one step must not fail the claim of others.
-- Locks: steps, new leases.
create or replace function tasker_host.lease_steps(p_session uuid, p_steps uuid[], p_resumed uuid[], p_native text[], p_max_bytes bigint)
returns table (
  step_uuid uuid, task_uuid uuid, epoch int, attempt int, max_attempts int, retryable boolean,
  namespace text, task_name text, task_version text, step_name text, template_step_name text,
  correlation_id uuid, parent_correlation_id uuid, callable text, method text, timeout_seconds float8, digest text,
  context text, inputs text, config text, dependency_results text, checkpoint text, priority int, dependency_bytes bigint
)
language plpgsql as $$
#variable_conflict use_column
declare
  v_now timestamp := tasker_host.current_time();
begin
  return query
  with started as (
    update tasker.workflow_steps s
    set in_process = true, last_attempted_at = v_now, updated_at = v_now,
        attempts = coalesce(s.attempts, 0) + case when s.workflow_step_uuid = any (p_resumed) then 0 else 1 end
    where s.workflow_step_uuid = any (p_steps)
    returning s.workflow_step_uuid, s.task_uuid, s.named_step_uuid, s.attempts, s.max_attempts, s.retryable, s.inputs, s.checkpoint
  ), named as materialized (
    select st.*, nst.name as step_name, coalesce(st.inputs ->> '__template_step_name', nst.name) as template_step_name,
           t.named_task_uuid, t.context, t.correlation_id, t.parent_correlation_id, t.priority
    from started st
    cross join lateral (select t.* from tasker.tasks t where t.task_uuid = st.task_uuid limit 1) t
    cross join lateral (
      select n.name::text as name from tasker.named_steps n where n.named_step_uuid = st.named_step_uuid limit 1
    ) nst
  ), templates as materialized (
    -- Once for each kind of step, not for each step: a template's configuration is large.
    select kinds.named_task_uuid, kinds.template_step_name, nt.namespace, nt.name as task_name, nt.version as task_version,
           nt.step, coalesce(nt.step #>> '{handler,callable}', '') as callable
    from (select distinct n.named_task_uuid, n.template_step_name from named n) kinds
    cross join lateral (
      select nt.name::text as name, nt.version::text as version, tasker_host.namespace_of(nt.named_task_uuid) as namespace,
             tasker_host.template_step(nt.configuration, kinds.template_step_name) as step
      from tasker.named_tasks nt where nt.named_task_uuid = kinds.named_task_uuid limit 1
    ) nt
  ), described as materialized (
    select n.*, tpl.namespace, tpl.task_name, tpl.task_version, tpl.step, tpl.callable,
           case when tpl.callable <> all (p_native) then
             (select a.digest from tasker_host.active_callables a
              where a.namespace = tpl.namespace and a.callable = tpl.callable)
           end as digest,
           coalesce((select max(l.epoch) from tasker_host.step_leases l
                     where l.workflow_step_uuid = n.workflow_step_uuid), 0) + 1 as epoch
    from named n
    join templates tpl on tpl.named_task_uuid = n.named_task_uuid and tpl.template_step_name = n.template_step_name
  ), leased as (
    insert into tasker_host.step_leases
      (workflow_step_uuid, epoch, attempt, task_uuid, namespace, session_uuid, digest, claimed_at)
    select d.workflow_step_uuid, d.epoch, d.attempts, d.task_uuid, d.namespace, p_session, d.digest, v_now
    from described d
  )
  select d.workflow_step_uuid, d.task_uuid, d.epoch, d.attempts, coalesce(d.max_attempts, 3), d.retryable,
         d.namespace, d.task_name, d.task_version, d.step_name, d.template_step_name,
         d.correlation_id, d.parent_correlation_id, d.callable, d.step #>> '{handler,method}',
         case when jsonb_typeof(d.step -> 'timeout_seconds') = 'number'
              then least((d.step ->> 'timeout_seconds')::numeric, 1e9)::float8 end,
         d.digest, coalesce(d.context, '{}')::text, coalesce(d.inputs, '{}')::text,
         coalesce(d.step #> '{handler,initialization}', '{}')::text, before.results, d.checkpoint::text, d.priority,
         case when before.results is null then before.bytes end
  from described d
  cross join lateral (
    with recursive ancestors as (
      select e.from_step_uuid as ancestor, 1 as distance
      from tasker.workflow_step_edges e where e.to_step_uuid = d.workflow_step_uuid
      union
      select e.from_step_uuid, a.distance + 1
      from ancestors a
      cross join lateral (
        select e.from_step_uuid from tasker.workflow_step_edges e where e.to_step_uuid = a.ancestor offset 0
      ) e
      where a.distance < 50
    ), texts as materialized (
      select s.name, s.result, nearest.distance, nearest.ancestor
      from (select a.ancestor, min(a.distance) as distance from ancestors a group by a.ancestor) nearest
      cross join lateral (
        select coalesce((s.results -> 'result')::text, 'null') as result,
               (select n.name from tasker.named_steps n where n.named_step_uuid = s.named_step_uuid) as name
        from tasker.workflow_steps s
        where s.workflow_step_uuid = nearest.ancestor and s.processed and s.results is not null limit 1
      ) s
    ), summed as (
      select coalesce(sum(octet_length(t.result)), 0)::bigint as bytes from texts t
    )
    select summed.bytes,
           case when summed.bytes <= p_max_bytes then coalesce(
             (select json_agg(json_build_array(t.name, t.result) order by t.distance, t.ancestor)::text from texts t), '[]')
           end as results
    from summed
  ) before;
end
$$;
