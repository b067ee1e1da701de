import pg from "pg";
import { type ErrorCode, isTaskerError, TaskerError } from "../../core/errors/index.ts";

/**
 * What Postgres or the network said, as an error of ours where it says something of the database rather than of the
 * statement; otherwise the error itself.
 */
export function databaseError(error: unknown, attempted: string): unknown {
  if (isTaskerError(error)) return error;
  const code = meaningOf(error);
  if (code === undefined) return error;
  const found = error instanceof Error && error.message !== "" ? error.message : "the connection failed";
  return new TaskerError(code, { attempted, found, cause: error });
}

function meaningOf(error: unknown): ErrorCode | undefined {
  const state = error instanceof pg.DatabaseError ? (error.code ?? "") : "";
  if (state === SESSION_ENDED) return "TSK_DATABASE_SESSION_ENDED";
  if (meansUnreachable(error)) return "TSK_DATABASE_UNREACHABLE";
  if (isConflict(error)) return "TSK_DATABASE_CONFLICT";
  if (/^(57014|55P03)$/.test(state)) return "TSK_DATABASE_TIMEOUT";
  if (/^(53|58)/.test(state)) return "TSK_DATABASE_EXHAUSTED";
  return undefined;
}

/** SQLSTATE that our functions raise; see `tasker_host.require_live_session`. */
const SESSION_ENDED = "TH001";

/** Errors of pg's own that have no SQLSTATE. */
const CLIENT_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout|Connection ended)/;

/**
 * True where a later try on another session may do: the connection could not be made or broke (class 08, 57P0x: the server
 * shuts down or starts up), the server has no session left (53300), or it is one that only reads (25006), as a standby after
 * a failover, and as the old server that is a standby now.
 */
function meansUnreachable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return /^(08|57P0|53300|25006)/.test(error.code ?? "");
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(meansUnreachable);
  const code = "code" in error ? String(error.code) : "";
  return /^(ECONN|EPIPE|ENOENT|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET)/.test(code) || CLIENT_MESSAGES.test(error.message);
}

/** True where the database is in trouble, whatever the statement: what the circuit breaker counts. */
export function isTrouble(error: unknown): boolean {
  return (
    isTaskerError(error) &&
    ["TSK_DATABASE_UNREACHABLE", "TSK_DATABASE_TIMEOUT", "TSK_DATABASE_EXHAUSTED"].includes(error.code)
  );
}

/** True where Postgres gave the statement up for another's sake (serialization failure, deadlock): nothing was changed. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === "40001" || error.code === "40P01");
}

/**
 * SQLSTATE classes that pass: connection, conflict, resources (disk, memory), locks, intervention (time-out), system. And what
 * a connection is refused with (rights, no such database): the server that a failover leads to may be set up otherwise.
 */
const PASSING = /^(08|28|3D|40|53|55|57|58|25006)/;

/** True where Postgres refused a statement for what is in it: trying the same again only repeats it. */
export function isLastingRefusal(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && !PASSING.test(error.code ?? "08");
}

/** True where the server refused the statement and the session goes on. */
export function isRefusedStatement(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === "ERROR" && !meansUnreachable(error);
}
