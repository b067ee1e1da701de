-- The names of all steps of a template that depend on `p_name`, over any number of steps.
create or replace function tasker_host.steps_behind(p_steps jsonb, p_name text) returns text[]
language sql immutable as $$
  with recursive graph as materialized (
    select g.* from tasker_host.template_graph(p_steps) g
  ), behind as (
    select g.name from graph g where p_name = any (g.parents)
    union
    select g.name from behind b join graph g on b.name = any (g.parents)
  )
  select array(select b.name from behind b)
$$;
