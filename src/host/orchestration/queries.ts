import type { Database } from "../database/connection.ts";

/** What reading needs of the database. */
export type Queries = Pick<Database, "query">;

/** A `timestamp without time zone` in UTC as RFC 3339 text; null stays null. */
export function utc(column: string): string {
  return `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
