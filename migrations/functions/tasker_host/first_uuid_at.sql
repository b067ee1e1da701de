-- The smallest uuid of version 7 of a time in UTC: uuids of tasks and steps sort by when they were made.
create or replace function tasker_host.first_uuid_at(p_at timestamp) returns uuid
language sql immutable parallel safe as $$
  select (lpad(to_hex(greatest(floor(extract(epoch from p_at) * 1000), 0)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;
