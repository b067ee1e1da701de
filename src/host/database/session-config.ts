/** How every session of the host is set up, whatever the server, the database or the role have as default. */
import pg from "pg";

/** Where a Postgres is: a URL, or the parts of one (a directory as `host` is a unix socket). */
export type DatabaseAddress =
  | { readonly url: string }
  | { readonly host: string; readonly port: number; readonly user: string; readonly database: string };

/** The times after which a session gives up. */
export interface SessionLimits {
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
}

/**
 * JSON stays text, so that nothing is re-encoded; bigints are numbers where a number holds them exactly; timestamps without
 * zone stay text, because pg would read them in the machine's own zone.
 */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.JSON, (text: string) => text);
types.setTypeParser(pg.types.builtins.JSONB, (text: string) => text);
types.setTypeParser(pg.types.builtins.TIMESTAMP, (text: string) => text);
types.setTypeParser(pg.types.builtins.INT8, parseInt8);

/**
 * Settings of every session. Tasker's functions use unqualified names, and its timestamps have no zone; our functions need
 * a snapshot a statement. Whatever the server, the database or the role have as default must not change that.
 */
const SESSION_OPTIONS = [
  "-c search_path=tasker,public",
  "-c TimeZone=UTC",
  "-c default_transaction_isolation=read\\ committed",
  "-c jit=off",
  // The server, too, finds out within half a minute that a host is gone without a word, and lets its locks go. On a unix
  // socket these are taken and mean nothing.
  "-c tcp_keepalives_idle=10",
  "-c tcp_keepalives_interval=5",
  "-c tcp_keepalives_count=3",
  "-c tcp_user_timeout=25000",
].join(" ");

/** What the client waits for an answer beyond the server's own limit: an answer that is later comes from no living server. */
const ANSWER_SLACK_MS = 5_000;

/** After this time without traffic the operating system asks whether the other end is there. */
const KEEP_ALIVE_MS = 10_000;

/** What pg needs to open such a session; `stream` is the caller's. */
export function sessionConfig(address: DatabaseAddress, limits: SessionLimits): pg.ClientConfig {
  const { options, ...place } = placeOf(address);
  return {
    ...place,
    application_name: "tasker-host",
    connectionTimeoutMillis: limits.connectTimeoutMs,
    statement_timeout: limits.statementTimeoutMs,
    query_timeout: limits.statementTimeoutMs + ANSWER_SLACK_MS,
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    options: `${options} ${SESSION_OPTIONS}`.trim(),
    types,
  };
}

/** The address for pg, and the session options that its URL brings: pg would let them replace ours. */
function placeOf(address: DatabaseAddress): pg.ClientConfig & { readonly options: string } {
  if (!("url" in address)) return { ...address, options: "" };
  const url = new URL(address.url);
  const options = url.searchParams.get("options") ?? "";
  url.searchParams.delete("options");
  return { connectionString: url.href, options };
}

function parseInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
