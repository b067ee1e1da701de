-- Visible messages in the step queues of these namespaces, ten thousand at the most: every host asks every few seconds, and
-- should not read a backlog of millions for it. A namespace without a queue is left out. Reads only. Index: that of each queue
-- by visibility.
create or replace function tasker_host.queue_depths(p_namespaces text[]) returns table (namespace text, depth bigint)
language plpgsql stable as $$
declare
  v_namespace text;
  v_table text;
begin
  foreach v_namespace in array p_namespaces loop
    v_table := 'q_' || lower(tasker_host.queue_of(v_namespace));
    if to_regclass(format('pgmq.%I', v_table)) is not null then
      namespace := v_namespace;
      execute format(
        'select count(*) from (select from pgmq.%I where vt <= clock_timestamp() limit 10000) visible', v_table) into depth;
      return next;
    end if;
  end loop;
end
$$;
