-- The steps that a new task of the template starts with, in the template's order, with the names of their parents among them.
-- Tasker's rule: what stands behind a decision is created once the decision is made, batch workers once the batches are
-- known, and deferred convergence with what it converges. Nothing starts that depends on a step which is not there yet.
create or replace function tasker_host.initial_steps(p_steps jsonb)
returns table (ord int, name text, step jsonb, parents text[])
language sql immutable as $$
  with recursive graph as materialized (
    select g.* from tasker_host.template_graph(p_steps) g
  ), later as (
    select g.name
    from graph g
    where g.type = 'batch_worker'
       or (g.type = 'deferred_convergence' and not exists (select from graph d where d.type = 'decision'))
       or exists (select from graph d where d.type = 'decision' and d.name = any (g.parents))
    union
    select g.name from later l join graph g on l.name = any (g.parents)
  )
  select g.ord, g.name, g.step, array(select p.name from graph p where p.name = any (g.parents))
  from graph g
  where g.name not in (select l.name from later l)
  order by g.ord
$$;
