-- The texts as jsonb, row for row. One that Postgres cannot hold, or that is missing, is null and has a reason:
-- one bad row must not fail its batch.
create or replace function tasker_host.parse_results(
  p_texts text[], out parsed jsonb[], out refusal_states text[], out refusals text[]
)
language plpgsql as $$
begin
  begin
    -- All at once: a handler of exceptions for each row would cost more than parsing it.
    parsed := array(select u.txt::jsonb from unnest(p_texts) with ordinality u (txt, n) order by u.n);
  exception when others then
    for i in 1 .. cardinality(p_texts) loop
      begin
        parsed[i] := p_texts[i]::jsonb;
      exception when others then
        parsed[i] := null;
        refusal_states[i] := sqlstate;
        refusals[i] := sqlerrm;
      end;
    end loop;
  end;
end
$$;
