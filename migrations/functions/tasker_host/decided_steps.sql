-- The steps that a decision for `p_names` brings into being, Tasker's rule: the named ones and what follows from them, up to
-- and including the next decision; the deferred convergences of any of these; then what has all its parents among these
-- and the steps that the task has already (`p_existing`).
create or replace function tasker_host.decided_steps(p_steps jsonb, p_names text[], p_existing text[]) returns text[]
language plpgsql immutable as $$
declare
  v_set text[] := p_names;
  v_more text[];
begin
  loop
    v_more := array(
      select g.name
      from tasker_host.template_graph(p_steps) g
      where g.name <> all (v_set) and g.type not in ('deferred_convergence', 'batch_worker')
        and exists (
          select from tasker_host.template_graph(p_steps) parent
          where parent.name = any (g.parents) and parent.name = any (v_set) and parent.type <> 'decision'));
    exit when v_more = '{}';
    v_set := v_set || v_more;
  end loop;

  v_set := v_set || array(
    select g.name from tasker_host.template_graph(p_steps) g
    where g.type = 'deferred_convergence' and g.parents && v_set and g.name <> all (v_set));
  return tasker_host.with_dependents(p_steps, v_set, p_existing);
end
$$;
