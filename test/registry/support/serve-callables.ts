import type { Database } from "../../../src/host/database/connection.ts";

/** Lets a stored component serve callables of a namespace from now on, without a version and its rules. */
export async function serveCallables(
  database: Database,
  served: {
    readonly namespace: string;
    readonly name: string;
    readonly digest: string;
    readonly callables: readonly string[];
  },
): Promise<void> {
  const { namespace, name, digest, callables } = served;
  await database.query(
    "test_serve_callables",
    `with gone as (delete from tasker_host.active_callables where namespace = $1 and name = $2 and callable <> all ($4))
     insert into tasker_host.active_callables (namespace, callable, name, digest)
     select $1, c.callable, $2, $3 from unnest($4::text[]) c (callable)
     on conflict (namespace, callable) do update set digest = excluded.digest, name = excluded.name`,
    [namespace, name, digest, callables],
  );
}
