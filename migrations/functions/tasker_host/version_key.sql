-- The numbers of a version, for order: 1.10.0 is newer than 1.9.0. What follows the numbers is ignored.
create or replace function tasker_host.version_key(p_version text) returns numeric[]
language sql immutable parallel safe as $$
  select string_to_array(substring(p_version from '^[0-9]+(?:[.][0-9]+)*'), '.')::numeric[]
$$;
