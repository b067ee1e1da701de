-- The interfaces behind imports, without their versions: 'wasi:io/streams' for 'wasi:io/streams@0.2.6'. Sorted.
create or replace function tasker_host.interfaces_of(p_imports text[]) returns text[]
language sql immutable as $$
  select array(select distinct split_part(i.name, '@', 1) from unnest(p_imports) i (name) order by 1)
$$;
