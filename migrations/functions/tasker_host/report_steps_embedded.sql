-- Records results and orchestrates, in one round trip and one transaction: completes steps, lets failed ones wait or end,
-- creates the steps that decisions and batches ask for, enqueues the children that became ready, moves the tasks on. One row a step: 'recorded', 'stale', or 'refused': Postgres
-- cannot hold the result, or it asks for steps that cannot be; then the step has failed for good, with code
-- TSK_STEP_RESULT_REFUSED or TSK_STEP_OUTCOME_INVALID.
--
-- `p_retryable`: whether the outcome allows another attempt. `p_retry_after_ms`: the handler's wish, or null.
-- `p_rules`: see `backoff_ms`.
-- Lock order: tasks by uuid, transitions, steps, leases, new queue rows.
create or replace function tasker_host.report_steps_embedded(
  p_session uuid, p_steps uuid[], p_epochs int[], p_success boolean[], p_results text[],
  p_retryable boolean[], p_retry_after_ms bigint[], p_rules jsonb
) returns table (step_uuid uuid, verdict text, sqlstate text, message text)
language plpgsql
-- See "Plans" in migrations/README.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
-- A row that somebody holds, as an operator in a session of their own does, must not hold up a whole batch for long.
set lock_timeout = '3s'
as $$
#variable_conflict use_column
declare
  v_ords int[];
  v_steps uuid[];
  v_epochs int[];
  v_tasks uuid[];
  v_judgements text[];
  v_results jsonb[];
  v_states text[];
  v_refusals text[];
  v_success boolean[];
  v_taken uuid[];
  v_enqueued uuid[];
  v_growing int[] := '{}';
  v_asking record;
  v_problem text;
  v_failed record;
begin
  select array_agg(r.ord), array_agg(r.step_uuid), array_agg(r.epoch), array_agg(r.task_uuid), array_agg(r.judgement),
         array_agg(r.result), array_agg(r.refusal_state), array_agg(r.refusal),
         array_agg(r.judgement = 'accepted' and p_success[r.ord])
  into v_ords, v_steps, v_epochs, v_tasks, v_judgements, v_results, v_states, v_refusals, v_success
  from tasker_host.prepare_report(p_steps, p_epochs, p_results) r;

  -- A result may ask for steps to be created. One that asks for what cannot be is a failure.
  for v_asking in
    select u.n, u.step_uuid, u.result -> 'result' as result
    from unnest(v_steps, v_results, v_success) with ordinality u (step_uuid, result, success, n)
    where u.success and u.result -> 'result' ?| array['decision_point_outcome', 'batch_processing_outcome']
  loop
    v_problem := tasker_host.outcome_problem(v_asking.step_uuid, v_asking.result);
    if v_problem is null then
      v_growing := v_growing || v_asking.n::int;
    else
      v_success[v_asking.n] := false;
      v_judgements[v_asking.n] := 'refused';
      v_refusals[v_asking.n] := v_problem;
      v_results[v_asking.n] := tasker_host.failure_result(
        v_asking.step_uuid, 'invalid_outcome', 'TSK_STEP_OUTCOME_INVALID', v_problem, tasker_host.current_time());
    end if;
  end loop;

  v_taken := tasker_host.record_results(p_session, v_steps, v_epochs, v_success, v_results, true, 'recorded');

  if v_taken <> '{}' then
    select coalesce(array_agg(u.step_uuid), '{}') as steps,
           array_agg(u.judgement = 'accepted' and p_retryable[u.ord]) as retryable,
           array_agg(p_retry_after_ms[u.ord]) as retry_after_ms
    into v_failed
    from unnest(v_steps, v_ords, v_judgements, v_success) u (step_uuid, ord, judgement, success)
    where not u.success and u.step_uuid = any (v_taken);
    perform tasker_host.settle_failures(v_failed.steps, v_failed.retryable, v_failed.retry_after_ms, p_rules);

    if v_growing <> '{}' then
      perform tasker_host.grow_tasks(
        array_agg(v_steps[g.n]), array_agg(v_results[g.n])) from unnest(v_growing) g (n) where v_steps[g.n] = any (v_taken);
    end if;
    v_enqueued := tasker_host.enqueue_children(array(
      select u.step_uuid from unnest(v_steps, v_success) u (step_uuid, success)
      where u.success and u.step_uuid = any (v_taken)));
    -- A task whose next steps were enqueued just now goes on.
    perform tasker_host.advance_tasks(array(
      select u.task_uuid from unnest(v_steps, v_tasks) u (step_uuid, task_uuid) where u.step_uuid = any (v_taken)
      except
      select s.task_uuid from tasker.workflow_steps s where s.workflow_step_uuid = any (v_enqueued)), p_session);
  end if;

  return query
    select u.step_uuid,
           case when u.step_uuid = any (v_taken) then case u.judgement when 'refused' then 'refused' else 'recorded' end
                when u.judgement = 'recorded' then 'recorded'
                else 'stale' end,
           u.state, u.refusal
    from unnest(v_steps, v_judgements, v_states, v_refusals) u (step_uuid, judgement, state, refusal);
end
$$;
