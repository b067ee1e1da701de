import pg from "pg";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";

/** What Postgres or the network said, as an error of ours where it means "no database"; otherwise the error itself. */
export function databaseError(error: unknown, attempted: string): unknown {
  if (isTaskerError(error)) return error;
  if (error instanceof pg.DatabaseError && error.code === SESSION_ENDED) {
    return new TaskerError("TSK_DATABASE_SESSION_ENDED", { attempted, found: error.message, cause: error });
  }
  if (!meansUnreachable(error)) return error;
  const found = error instanceof Error && error.message !== "" ? error.message : "the connection failed";
  return new TaskerError("TSK_DATABASE_UNREACHABLE", { attempted, found, cause: error });
}

/** SQLSTATE that our functions raise; see `tasker_host.require_live_session`. */
const SESSION_ENDED = "TH001";

/** Errors of pg's own that have no SQLSTATE. */
const CLIENT_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Connection ended)/;

/**
 * True where a later try on another session may do: the connection could not be made or broke (class 08, 57P0x: the server
 * shuts down or starts up), or the server has no session left (53300).
 */
function meansUnreachable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? "";
    return code.startsWith("08") || code.startsWith("57P0") || code === "53300";
  }
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(meansUnreachable);
  const code = "code" in error ? String(error.code) : "";
  return /^(ECONN|EPIPE|ENOENT|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET)/.test(code) || CLIENT_MESSAGES.test(error.message);
}

/** True where Postgres gave the statement up for another's sake (serialization failure, deadlock): nothing was changed. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === "40001" || error.code === "40P01");
}

/** SQLSTATE classes that pass: connection, conflict, resources (disk, memory), locks, intervention (time-out), system. */
const PASSING = /^(08|40|53|55|57|58)/;

/** True where Postgres refused a statement for what is in it: trying the same again only repeats it. */
export function isLastingRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !PASSING.test(error.code ?? "08");
}

/** True where the server refused the statement and the session goes on. */
export function isRefusedStatement(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === "ERROR" && !meansUnreachable(error);
}
