-- The texts as jsonb, row for row. One that Postgres cannot hold, or that is missing, comes back as null with the reason:
-- one bad row must not fail its batch.
create or replace function tasker_host.parse_results(p_texts text[])
returns table (ord int, value jsonb, refusal_state text, refusal text)
language plpgsql as $$
declare
  v_values jsonb[];
begin
  begin
    -- All at once: a handler of exceptions for each row would cost more than parsing it.
    v_values := array(select u.txt::jsonb from unnest(p_texts) with ordinality u (txt, n) order by u.n);
    return query
      select u.n::int, u.parsed, case when u.parsed is null then '22004' end,
             case when u.parsed is null then 'Postgres cannot store the result' end
      from unnest(v_values) with ordinality u (parsed, n);
    return;
  exception when others then
    null;
  end;
  for i in 1 .. cardinality(p_texts) loop
    ord := i;
    begin
      value := p_texts[i]::jsonb;
      refusal_state := case when value is null then '22004' end;
      refusal := case when value is null then 'Postgres cannot store the result' end;
    exception when others then
      value := null;
      get stacked diagnostics refusal_state = returned_sqlstate, refusal = message_text;
    end;
    return next;
  end loop;
end
$$;
