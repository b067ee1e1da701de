-- Visible messages of each namespace's step queue; namespaces without a queue are left out. Reads only.
create or replace function tasker_host.queue_depths(p_namespaces text[]) returns table (namespace text, depth bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_namespace text;
  v_table text;
begin
  foreach v_namespace in array p_namespaces loop
    v_table := 'q_' || lower(tasker_host.queue_of(v_namespace));
    if to_regclass('pgmq.' || quote_ident(v_table)) is not null then
      return query execute format('select $1, count(*) from pgmq.%I where vt <= clock_timestamp()', v_table)
        using v_namespace;
    end if;
  end loop;
end
$$;
