-- Records results and tells the orchestrator by a message for each, in one round trip and one transaction: the result is
-- committed before its message can be seen. Verdicts as in `report_steps_embedded`.
--
-- Tasker's orchestrator takes a result for a task that it is still enqueuing as a duplicate and forgets it. A message for such
-- a task is sent without a notification and becomes visible a second later.
-- Lock order: tasks by uuid, transitions, steps, leases, new queue rows.
create or replace function tasker_host.report_steps_external(
  p_session uuid, p_steps uuid[], p_epochs int[], p_success boolean[], p_results text[]
) returns table (step_uuid uuid, verdict text, sqlstate text, message text)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
-- A row that somebody holds, as an operator in a session of their own does, must not hold up a whole batch for long.
set lock_timeout = '3s'
as $$
#variable_conflict use_column
declare
  v_steps uuid[];
  v_epochs int[];
  v_judgements text[];
  v_results jsonb[];
  v_states text[];
  v_refusals text[];
  v_success boolean[];
  v_taken uuid[];
begin
  select array_agg(r.step_uuid), array_agg(r.epoch), array_agg(r.judgement), array_agg(r.result),
         array_agg(r.refusal_state), array_agg(r.refusal), array_agg(r.judgement = 'accepted' and p_success[r.ord])
  into v_steps, v_epochs, v_judgements, v_results, v_states, v_refusals, v_success
  from tasker_host.prepare_report(p_steps, p_epochs, p_results) r;

  v_taken := tasker_host.record_results(p_session, v_steps, v_epochs, v_success, v_results, false, 'recorded');
  perform tasker_host.send_result_messages(v_taken);

  return query
    select u.step_uuid,
           case when u.step_uuid = any (v_taken) then case u.judgement when 'refused' then 'refused' else 'recorded' end
                when u.judgement = 'recorded' then 'recorded'
                else 'stale' end,
           u.state, u.refusal
    from unnest(v_steps, v_judgements, v_states, v_refusals) u (step_uuid, judgement, state, refusal);
end
$$;
