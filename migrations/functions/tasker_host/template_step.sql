-- The step of that name in a template's configuration; null where there is none.
create or replace function tasker_host.template_step(p_configuration jsonb, p_name text) returns jsonb
language sql immutable parallel safe as $$
  select st.value
  from jsonb_array_elements(
    case when jsonb_typeof(p_configuration -> 'steps') = 'array' then p_configuration -> 'steps' else '[]' end) st (value)
  where st.value ->> 'name' = p_name
  limit 1
$$;
