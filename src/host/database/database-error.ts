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
  if (/^(53|58)/.test(state) || isFullNotifyQueue(error)) return "TSK_DATABASE_EXHAUSTED";
  return undefined;
}

/** SQLSTATE that our functions raise; see `tasker_host.require_live_session`. */
const SESSION_ENDED = "TH001";

/** Errors of pg's own that have no SQLSTATE. */
const CLIENT_MESSAGES =
  /^(Connection terminated|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout|Connection ended)/;

/**
 * True where a later try on another session may do: the connection could not be made or broke (class 08, 57P0x: the server
 * shuts down or starts up; 25P03 and 25P04: it ended a transaction that took too long, and the session), the server has no
 * session left (53300), or it is one that only reads (25006), as a standby after a failover, and as the old server that is a
 * standby now. Whatever else ends a session says nothing of the statement; what keeps one from beginning (rights, no such
 * database) is for a person to read as it is.
 */
function meansUnreachable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? "";
    return /^(08|57P0|53300|25006|25P0[34])/.test(code) || (endsSession(error) && !/^(28|3D)/.test(code));
  }
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(meansUnreachable);
  const code = "code" in error ? String(error.code) : "";
  return /^(ECONN|EPIPE|ENOENT|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET)/.test(code) || CLIENT_MESSAGES.test(error.message);
}

function endsSession({ severity }: pg.DatabaseError): boolean {
  return severity === "FATAL" || severity === "PANIC";
}

/**
 * The server's queue of notifications is full: a listener somewhere is stuck in a transaction. It has the SQLSTATE (54000) of
 * a row that is too large for an index, which is the row's fault; the file of Postgres' own source tells them apart.
 */
function isFullNotifyQueue(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "54000" && error.file === "async.c";
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
  if (!(error instanceof pg.DatabaseError) || endsSession(error) || isFullNotifyQueue(error)) return false;
  return !PASSING.test(error.code ?? "08") && error.code !== "25P03" && error.code !== "25P04";
}

/**
 * True where Postgres refuses the statement as such (class 42: a function, table or right is missing; 0A000: not supported),
 * whatever its values: somebody must put the schema right, and then the same statement does.
 */
export function isOfSchema(error: pg.DatabaseError): boolean {
  return /^(42|0A)/.test(error.code ?? "");
}

/** True where the server refused the statement and the session goes on. */
export function isRefusedStatement(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === "ERROR" && !meansUnreachable(error);
}
