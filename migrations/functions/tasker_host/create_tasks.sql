-- Creates tasks with their steps from requests and enqueues those that are ready, in one round trip and one transaction.
--
-- A request is {"name", "namespace", "version"?, "context", "initiator", "source_system", "reason", "tags"?, "priority"?,
-- "correlation_id"?, "parent_correlation_id"?, "idempotency_key"?}. `version` defaults to the newest registered one.
-- One row a request, in their order: 'created', 'duplicate' with the task that has the same identity, or 'unknown_template'.
-- Identity: SHA-256 over the template's uuid and the idempotency key, or else the context as jsonb writes it.
--
-- Lock order: new tasks by identity, new rows of everything below them, new queue rows.
create or replace function tasker_host.create_tasks(p_requests jsonb)
returns table (ordinal int, task_uuid uuid, verdict text)
language plpgsql
-- See "Plans" in migrations/README.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  v_now timestamp := tasker_host.current_time();
  v_bodies jsonb[];
  v_templates uuid[];
  v_identities text[];
  v_tasks uuid[];
  v_task_templates uuid[];
begin
  with asked as materialized (
    select r.n, r.body from jsonb_array_elements(p_requests) with ordinality r (body, n)
  ), chosen as materialized (
    select wanted.namespace, wanted.name, wanted.version, template.named_task_uuid
    from (
      select distinct a.body ->> 'namespace' as namespace, a.body ->> 'name' as name, a.body ->> 'version' as version
      from asked a
    ) wanted
    cross join lateral (
      select nt.named_task_uuid
      from tasker.task_namespaces ns
      join tasker.named_tasks nt on nt.task_namespace_uuid = ns.task_namespace_uuid
      where ns.name = wanted.namespace and nt.name = wanted.name
        and (wanted.version is null or nt.version = wanted.version)
      order by tasker_host.version_key(nt.version) desc nulls last, nt.created_at desc
      limit 1
    ) template
  )
  select array_agg(a.body order by a.n), array_agg(c.named_task_uuid order by a.n),
         array_agg(encode(sha256(convert_to(
           c.named_task_uuid::text || coalesce('/key/' || (a.body ->> 'idempotency_key'), '/context/' || (a.body -> 'context')::text),
           'UTF8')), 'hex') order by a.n)
  into v_bodies, v_templates, v_identities
  from asked a
  left join chosen c on c.namespace = a.body ->> 'namespace' and c.name = a.body ->> 'name'
    and c.version is not distinct from a.body ->> 'version';

  with made as (
    insert into tasker.tasks
      (task_uuid, named_task_uuid, requested_at, initiator, source_system, reason, tags, context, identity_hash, priority,
       correlation_id, parent_correlation_id, created_at, updated_at)
    select u.task_uuid, u.template, v_now, u.body ->> 'initiator', u.body ->> 'source_system', u.body ->> 'reason',
           coalesce(u.body -> 'tags', '[]'), u.body -> 'context', u.identity, coalesce((u.body ->> 'priority')::int, 0),
           coalesce((u.body ->> 'correlation_id')::uuid, tasker.uuid_generate_v7()),
           (u.body ->> 'parent_correlation_id')::uuid, v_now, v_now
    from (
      -- Tasks sort as they were asked for; they are inserted in another order, so that no two callers deadlock.
      select a.*, tasker.uuid_generate_v7() as task_uuid
      from unnest(v_bodies, v_templates, v_identities) with ordinality a (body, template, identity, n)
      where a.template is not null
      offset 0
    ) u
    order by u.identity, u.n
    on conflict (identity_hash) do nothing
    returning task_uuid, named_task_uuid
  )
  select array_agg(task_uuid order by task_uuid), array_agg(named_task_uuid order by task_uuid)
  into v_tasks, v_task_templates
  from made;

  if v_tasks is not null then
    perform tasker_host.send_step_messages(tasker_host.create_steps(v_tasks, v_task_templates));
  end if;

  return query
    select u.n::int, t.task_uuid,
           case when u.template is null then 'unknown_template'
                when t.task_uuid = any (v_tasks)
                     and row_number() over (partition by u.identity order by u.n) = 1 then 'created'
                else 'duplicate' end
    from unnest(v_templates, v_identities) with ordinality u (template, identity, n)
    left join lateral (
      select t.task_uuid from tasker.tasks t where t.identity_hash = u.identity limit 1
    ) t on true
    order by u.n;
end
$$;
