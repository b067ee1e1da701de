-- The first task or step that `migrations/verify.sql` looks at: `tasker_host.verify_from`, a uuid of version 7 as all of
-- Tasker's are, so that it is a time too. Unset: all of them.
create or replace function tasker_host.verify_from() returns uuid
language sql stable parallel safe as $$
  select coalesce(nullif(current_setting('tasker_host.verify_from', true), ''), '00000000-0000-0000-0000-000000000000')::uuid
$$;
