import type { Database } from "../database/connection.ts";
import type { NamespaceScope } from "../domain/principal.ts";

/** What reading needs of the database. */
export type Queries = Pick<Database, "query">;

/** A `timestamp without time zone` in UTC as RFC 3339 text; null stays null. */
export function utc(column: string): string {
  return `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/**
 * The steps of a task's template by name, in its order, as an array to sort by with `array_position`. UUIDs of steps do
 * not say: those of one transaction may sort at random before Postgres 18. Needs `named_tasks`.
 */
export const TEMPLATE_ORDER = `
  array(
    select step ->> 'name'
      from jsonb_array_elements(named_tasks.configuration -> 'steps') with ordinality listed(step, place)
     order by place
  )`;

/** A scope as SQL takes it: null lets all namespaces through. */
export function namesOf(scope: NamespaceScope): readonly string[] | null {
  return scope === "*" ? null : scope;
}
