import type { Actor } from "../domain/actor.ts";
import type { GrantChanges, GrantLimits } from "../domain/grants.ts";
import type { Database } from "./connection.ts";

/** What a namespace was granted, and by whom. */
export interface StoredGrants {
  readonly namespace: string;
  /** Null: the host's default. */
  readonly capabilities: readonly string[] | null;
  readonly limits: GrantLimits;
  readonly changed_at: string;
  readonly changed_by: Actor;
}

const READ = `
  select json_build_object(
           'namespace', g.namespace, 'capabilities', g.capabilities, 'limits', g.limits,
           'changed_at', to_char(g.changed_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'changed_by', g.changed_by)::text as answer
    from tasker_host.namespace_grants g
   where $1::text is null or g.namespace = $1`;
const SET = "select tasker_host.set_grants($1, $2, $3)";

/** The grants of a namespace; undefined where it has none of its own. */
export async function readGrants(database: Database, namespace: string): Promise<StoredGrants | undefined> {
  return (await read(database, namespace))[0];
}

/** The grants of all namespaces that have some. */
export function listGrants(database: Database): Promise<readonly StoredGrants[]> {
  return read(database, null);
}

/** Changes what the changes name, and leaves the rest as it is stored. */
export async function setGrants(
  database: Database,
  actor: Actor,
  namespace: string,
  changes: GrantChanges,
): Promise<void> {
  await database.query("set_grants", SET, [JSON.stringify(actor), namespace, JSON.stringify(changes)]);
}

async function read(database: Database, namespace: string | null): Promise<readonly StoredGrants[]> {
  const rows = await database.query<{ readonly answer: string }>("read_grants", READ, [namespace]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statement above builds exactly these members
  return rows.map(({ answer }) => JSON.parse(answer) as StoredGrants);
}
