-- Claims up to `p_quantity` steps of a namespace in one round trip: takes visible messages off the queue into its archive,
-- moves their steps `enqueued` → `in_progress` by compare-and-swap, leases them to the session and returns what their
-- handlers need (columns from `step_uuid` on: see `lease_steps`).
--
-- A message whose step is enqueued again while its last lease is live stays in the queue for some seconds: that lease ends when
-- its host reports or dies. `p_message`: only that message; null: any. `p_max_bytes`: see `lease_steps`.
--
-- A message that leads to no claim is archived all the same and comes back with verdict 'archived' and a reason, kept in
-- `archived_messages`; so nothing loops. `p_native`: callables that a native handler serves even where a component is active.
--
-- Raises TH001 where the session has ended.
-- Lock order: queue rows (skip locked), steps' transitions, steps, new leases.
create or replace function tasker_host.claim_steps(
  p_session uuid, p_namespace text, p_quantity int, p_native text[], p_max_bytes bigint, p_message bigint
) returns table (
  verdict text, reason text, msg_id bigint,
  step_uuid uuid, task_uuid uuid, epoch int, attempt int, max_attempts int, retryable boolean,
  namespace text, task_name text, task_version text, step_name text, template_step_name text,
  correlation_id uuid, parent_correlation_id uuid, callable text, method text, timeout_seconds float8, digest text,
  context text, inputs text, config text, dependency_results text, checkpoint text, priority int, dependency_bytes bigint
)
language plpgsql
-- See "Plans" in migrations/README.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  v_queue text := tasker_host.queue_of(p_namespace);
  v_ids bigint[];
  v_messages jsonb[];
  v_templates uuid[];
  v_steps uuid[];
  v_reasons text[];
  v_claimed uuid[];
begin
  perform tasker_host.require_live_session(p_session);

  execute format(
    'with taken as (
       select m.msg_id,
              case when m.message ->> ''step_uuid'' ~* ''^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'' then exists (
                select from tasker_host.step_leases l
                where l.workflow_step_uuid = (m.message ->> ''step_uuid'')::uuid and l.ended_at is null
                  and exists (
                    select from tasker.workflow_step_transitions t
                    where t.workflow_step_uuid = l.workflow_step_uuid and t.most_recent and t.to_state = ''enqueued''))
              else false end as early
       from pgmq.%1$I m
       where m.vt <= clock_timestamp() and ($2 is null or m.msg_id = $2)
       order by m.msg_id limit $1 for update skip locked
     ), postponed as (
       update pgmq.%1$I q set vt = clock_timestamp() + interval ''5 seconds''
       from taken where q.msg_id = taken.msg_id and taken.early
     ), gone as (
       delete from pgmq.%1$I q using taken where q.msg_id = taken.msg_id and not taken.early
       returning q.msg_id, q.read_ct, q.enqueued_at, q.vt, q.message, q.headers
     ), archived as (
       insert into pgmq.%2$I (msg_id, read_ct, enqueued_at, vt, message, headers)
       select msg_id, read_ct + 1, enqueued_at, vt, message, headers from gone
     )
     select array_agg(msg_id order by msg_id), array_agg(message order by msg_id) from gone',
    'q_' || lower(v_queue), 'a_' || lower(v_queue))
  into v_ids, v_messages using p_quantity, p_message;
  if v_ids is null then
    return;
  end if;

  v_templates := array(
    select nt.named_task_uuid from tasker.named_tasks nt
    where nt.task_namespace_uuid = (select ns.task_namespace_uuid from tasker.task_namespaces ns where ns.name = p_namespace));

  -- The step of each message, or why there is none.
  select array_agg(j.step_uuid order by j.ord), array_agg(j.reason order by j.ord)
  into v_steps, v_reasons
  from (
    select m.ord, m.step_uuid,
           case when m.step_uuid is null then 'malformed'
                when s.named_task_uuid is null then 'unknown_step'
                when s.named_task_uuid <> all (v_templates) then 'foreign_namespace'
                when row_number() over (partition by m.step_uuid order by m.ord) > 1 then 'duplicate'
           end as reason
    from (
      select u.ord,
             case when u.message ->> 'step_uuid' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                  then (u.message ->> 'step_uuid')::uuid end as step_uuid
      from unnest(v_messages) with ordinality u (message, ord)
    ) m
    left join lateral (
      select (select t.named_task_uuid from tasker.tasks t where t.task_uuid = s.task_uuid) as named_task_uuid
      from tasker.workflow_steps s where s.workflow_step_uuid = m.step_uuid limit 1
    ) s on true
  ) j;

  v_claimed := tasker_host.move_steps(
    array(select u.step_uuid from unnest(v_steps, v_reasons) u (step_uuid, reason) where u.reason is null),
    array['enqueued', 'in_progress'], array['{"type":"Start"}']);

  if cardinality(v_claimed) < cardinality(v_ids) then
    return query
      with rejected as (
        select u.msg_id, u.step_uuid, coalesce(u.reason,
                 case when t.to_state in ('in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
                        then 'already_claimed'
                      when coalesce(t.to_state, 'pending') in ('pending', 'waiting_for_retry') then 'not_enqueued'
                      -- Moved on by somebody else between two statements of ours.
                      when t.to_state = 'enqueued' then 'already_claimed'
                      else 'finished' end) as reason
        from unnest(v_ids, v_steps, v_reasons) u (msg_id, step_uuid, reason)
        left join lateral (
          select t.to_state from tasker.workflow_step_transitions t
          where t.workflow_step_uuid = u.step_uuid and t.most_recent limit 1
        ) t on true
        where u.reason is not null or u.step_uuid <> all (v_claimed)
      ), noted as (
        insert into tasker_host.archived_messages (queue_name, msg_id, reason, workflow_step_uuid, archived_at)
        select v_queue, r.msg_id, r.reason, r.step_uuid, tasker_host.current_time() from rejected r
        on conflict do nothing
      )
      select 'archived', r.reason, r.msg_id, r.step_uuid, null::uuid, null::int, null::int, null::int, null::boolean,
             p_namespace, null, null, null, null, null::uuid, null::uuid, null, null, null::float8, null, null, null,
             null, null, null, null::int, null::bigint
      from rejected r;
  end if;

  return query
    select 'claimed', null, null::bigint, l.* from tasker_host.lease_steps(p_session, v_claimed, array[]::uuid[], p_native, p_max_bytes) l;
end
$$;
