/** What reading needs of the database: one named statement, one round trip. */
export interface Queries {
  query<Row>(name: string, text: string, values: readonly unknown[]): Promise<readonly Row[]>;
}

/** A `timestamp without time zone` in UTC as RFC 3339 text; null stays null. */
export function utc(column: string): string {
  return `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
