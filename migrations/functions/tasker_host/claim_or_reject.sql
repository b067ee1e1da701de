-- Claims the oldest message of a namespace, or rejects it where Postgres refuses that for good: then the message is archived
-- with reason 'unclaimable' and its step fails with TSK_STEP_UNCLAIMABLE. For a host whose claims fail down to one message:
-- what cannot be claimed must not hold up what is behind it. Returns rows as `claim_steps` does.
--
-- Raises 55P03 where somebody holds the step's task: try again.
-- Lock order: the queue's row, the task (skipping a locked one), transitions, steps.
create or replace function tasker_host.claim_or_reject(
  p_session uuid, p_namespace text, p_native text[], p_max_bytes bigint, p_orchestrate boolean
) returns table (
  verdict text, reason text, msg_id bigint,
  step_uuid uuid, task_uuid uuid, epoch int, attempt int, max_attempts int, retryable boolean,
  namespace text, task_name text, task_version text, step_name text, template_step_name text,
  correlation_id uuid, parent_correlation_id uuid, callable text, method text, timeout_seconds float8, digest text,
  context text, inputs text, config text, dependency_results text, checkpoint text, priority int, dependency_bytes bigint
)
language plpgsql as $$
#variable_conflict use_column
declare
  v_queue text := tasker_host.queue_of(p_namespace);
  v_id bigint;
  v_message jsonb;
  v_step uuid;
  v_refusal text;
begin
  execute format(
    'select msg_id, message from pgmq.%I where vt <= clock_timestamp() order by msg_id limit 1 for update skip locked',
    'q_' || lower(v_queue))
  into v_id, v_message;
  if v_id is null then
    return;
  end if;

  begin
    return query select * from tasker_host.claim_steps(p_session, p_namespace, 1, p_native, p_max_bytes, v_id);
    return;
  exception when others then
    -- What passes (conflicts, resources, an end of the session) is the caller's to repeat.
    if sqlstate ~ '^(08|25006|28|3D|40|53|55|57|58|TH)' then
      raise;
    end if;
    v_refusal := sqlerrm;
  end;

  execute format(
    'with gone as (delete from pgmq.%I where msg_id = $1 returning msg_id, read_ct, enqueued_at, vt, message, headers)
     insert into pgmq.%I (msg_id, read_ct, enqueued_at, vt, message, headers)
     select msg_id, read_ct + 1, enqueued_at, vt, message, headers from gone',
    'q_' || lower(v_queue), 'a_' || lower(v_queue))
  using v_id;
  if v_message ->> 'step_uuid' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    v_step := (v_message ->> 'step_uuid')::uuid;
  end if;
  insert into tasker_host.archived_messages (queue_name, msg_id, reason, workflow_step_uuid, archived_at)
  values (v_queue, v_id, 'unclaimable', v_step, tasker_host.current_time())
  on conflict do nothing;

  begin
    perform tasker_host.fail_unclaimable(p_session, v_step, v_refusal, p_orchestrate);
  exception when others then
    if sqlstate ~ '^(08|25006|28|3D|40|53|55|57|58|TH)' then
      raise;
    end if;
    raise warning 'step "%" can neither be claimed nor be failed: %', v_step, sqlerrm;
  end;

  return query
    select 'archived', 'unclaimable', v_id, v_step, null::uuid, null::int, null::int, null::int, null::boolean,
           p_namespace, null, null, null, null, null::uuid, null::uuid, null, null, null::float8, null, null, null,
           null, null, null, null::int, null::bigint;
end
$$;
