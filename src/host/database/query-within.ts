import type { ClientBase, QueryConfig, QueryResultRow } from "pg";

/** What the client waits beyond the server's own limit: an answer that is later comes from no living server. */
const ANSWER_SLACK_MS = 5_000;
/** Node's longest timer. */
const MAX_TIMER_MS = 2_147_483_647;

/** pg takes a time limit with each statement; its types do not say so. */
interface TimedQuery extends QueryConfig<unknown[]> {
  readonly query_timeout: number;
}

/**
 * One statement that may take longer than the session's other ones: waits for its answer as long as the server may work at
 * it, which is what `statement_timeout` says. Without `timeoutMs`: for ever.
 */
export async function queryWithin<Row extends QueryResultRow>(
  client: ClientBase,
  text: string,
  { timeoutMs = MAX_TIMER_MS, values = [] }: { readonly timeoutMs?: number; readonly values?: readonly unknown[] } = {},
): Promise<readonly Row[]> {
  const query: TimedQuery = {
    text,
    values: [...values],
    query_timeout: Math.min(MAX_TIMER_MS, timeoutMs + ANSWER_SLACK_MS),
  };
  return (await client.query<Row>(query)).rows;
}
