-- Makes sure that the step names exist. Names are shared by all templates of the database.
-- Locks: new rows of named_steps, by name.
create or replace function tasker_host.name_steps(p_names text[]) returns void
language plpgsql as $$
begin
  insert into tasker.named_steps (name, created_at, updated_at)
  select distinct n.name, now.at, now.at
  from unnest(p_names) n (name), tasker_host.current_time() now (at)
  where not exists (select from tasker.named_steps s where s.name = n.name)
  order by n.name
  on conflict (name) do nothing;
end
$$;
