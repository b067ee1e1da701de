-- Deletes up to `p_limit` messages of each step queue's archive that were archived before `p_before`, and as many reasons why
-- messages were archived without a claim. Returns how many messages. Other queues are other programs'.
-- Locks: those rows, skipping locked ones. Indexes: that of each archive by time.
create or replace function tasker_host.prune_archives(p_before timestamp, p_limit int) returns int
language plpgsql
set enable_seqscan = off
as $$
declare
  v_queue text;
  v_deleted int := 0;
  v_more int;
begin
  for v_queue in
    select m.queue_name from pgmq.meta m where m.queue_name like 'worker\_%\_queue' order by m.queue_name
  loop
    execute format(
      'delete from pgmq.%1$I where msg_id in (
         select a.msg_id from pgmq.%1$I a where a.archived_at < $1 order by a.archived_at limit $2 for update skip locked)',
      'a_' || lower(v_queue))
    using p_before at time zone 'UTC', p_limit;
    get diagnostics v_more = row_count;
    v_deleted := v_deleted + v_more;
  end loop;

  delete from tasker_host.archived_messages m
  where (m.queue_name, m.msg_id) in (
    select a.queue_name, a.msg_id from tasker_host.archived_messages a
    where a.archived_at < p_before
    order by a.queue_name, a.msg_id limit p_limit for update skip locked);
  return v_deleted;
end
$$;
