-- The steps of a template in its order, with what their places in the graph depend on.
create or replace function tasker_host.template_graph(p_steps jsonb)
returns table (ord int, name text, type text, step jsonb, parents text[])
language sql immutable parallel safe as $$
  select st.n::int, st.value ->> 'name', coalesce(st.value ->> 'type', 'standard'), st.value,
         array(select distinct parent.name from jsonb_array_elements_text(coalesce(st.value -> 'dependencies', '[]')) parent (name))
  from jsonb_array_elements(p_steps) with ordinality st (value, n)
$$;
