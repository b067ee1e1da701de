-- UUIDs of version 7: Postgres 18's own where it has it, else put together here (RFC 9562 §5.7: 48 bits of milliseconds,
-- version, 74 random bits).
create schema if not exists tasker;

do $do$
begin
  if current_setting('server_version_num')::int >= 180000 then
    create function tasker.uuid_generate_v7() returns uuid language sql volatile parallel safe as $fn$
      select uuidv7()
    $fn$;
  else
    create function tasker.uuid_generate_v7() returns uuid language sql volatile parallel safe as $fn$
      select (substr(ms, 1, 8) || '-' || substr(ms, 9, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid
      from lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') ms
    $fn$;
  end if;
end
$do$;
