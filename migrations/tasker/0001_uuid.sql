-- UUIDs of version 7: Postgres 18's own where it has it, else put together here (RFC 9562 §5.7): 48 bits of milliseconds,
-- the version, 12 bits of the fraction of the millisecond, so that rows made one after the other sort so, 62 random bits.
create schema if not exists tasker;

do $do$
begin
  if current_setting('server_version_num')::int >= 180000 then
    create function tasker.uuid_generate_v7() returns uuid language sql volatile parallel safe as $fn$
      select uuidv7()
    $fn$;
  else
    create function tasker.uuid_generate_v7() returns uuid language plpgsql volatile parallel safe as $fn$
    declare
      us bigint := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
      ms text := lpad(to_hex(us / 1000), 12, '0');
    begin
      return (substr(ms, 1, 8) || '-' || substr(ms, 9, 4) || '-7' || lpad(to_hex(us % 1000 * 4096 / 1000), 3, '0')
              || substr(gen_random_uuid()::text, 19))::uuid;
    end
    $fn$;
  end if;
end
$do$;
