-- `p_set` and the steps that have all their parents in it or among `p_existing`, and so on. What stands behind a decision that
-- is still to come stays out, as do batch workers.
create or replace function tasker_host.with_dependents(p_steps jsonb, p_set text[], p_existing text[]) returns text[]
language plpgsql immutable as $$
declare
  v_set text[] := p_set;
  v_more text[];
begin
  loop
    v_more := array(
      select g.name
      from tasker_host.template_graph(p_steps) g
      where g.name <> all (v_set || p_existing) and g.type not in ('batch_worker', 'deferred_convergence')
        and g.parents && v_set and g.parents <@ (v_set || p_existing)
        and not exists (
          select from tasker_host.template_graph(p_steps) d where d.type = 'decision' and d.name = any (g.parents)));
    exit when v_more = '{}';
    v_set := v_set || v_more;
  end loop;
  return v_set;
end
$$;
