import { adminClient } from "./server.ts";

export const HOST_USER = "tasker";
export const HOST_DATABASE = "tasker";

/**
 * The role and the database of the host, made where they are missing: a first start may have been cut off anywhere.
 * The role is Tasker's own, without superuser rights; its database finds Tasker's unqualified names and tells time in UTC.
 */
export async function ensureHostDatabase(socketDir: string): Promise<void> {
  const client = adminClient(socketDir);
  await client.connect();
  try {
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `select exists (select from pg_roles where rolname = $1) as role,
              exists (select from pg_database where datname = $2) as database`,
      [HOST_USER, HOST_DATABASE],
    );
    const [found] = rows;
    if (found?.role !== true) await client.query(`create role ${HOST_USER} login`);
    if (found?.database === true) return;
    await client.query(`create database ${HOST_DATABASE} owner ${HOST_USER}`);
    await client.query(`alter database ${HOST_DATABASE} set search_path = tasker, public`);
    await client.query(`alter database ${HOST_DATABASE} set timezone = 'UTC'`);
  } finally {
    await client.end();
  }
}
