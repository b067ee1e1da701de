-- The steps that a new task of the template starts with, in the template's order, with the names of their parents among them.
-- Tasker's rule: what stands behind a decision is created once the decision is made, batch workers once the batches are
-- known; without a decision that also holds for deferred convergence.
create or replace function tasker_host.initial_steps(p_steps jsonb)
returns table (ord int, name text, step jsonb, parents text[])
language sql immutable as $$
  with recursive template as materialized (
    select st.value as step, st.value ->> 'name' as name, coalesce(st.value ->> 'type', 'standard') as type,
           st.n::int as ord
    from jsonb_array_elements(p_steps) with ordinality st (value, n)
  ), depends as materialized (
    select t.name, parent.name as parent
    from template t, jsonb_array_elements_text(coalesce(t.step -> 'dependencies', '[]')) parent (name)
  ), behind_decision as (
    select d.name from depends d join template t on t.name = d.parent and t.type = 'decision'
    union
    select d.name from depends d join behind_decision b on b.name = d.parent
  ), initial as materialized (
    select t.*
    from template t
    where t.type <> 'batch_worker'
      and t.name not in (select b.name from behind_decision b)
      and (t.type <> 'deferred_convergence' or exists (select from template d where d.type = 'decision'))
  )
  select i.ord, i.name, i.step,
         array(select distinct d.parent from depends d join initial p on p.name = d.parent where d.name = i.name)
  from initial i
  order by i.ord
$$;
