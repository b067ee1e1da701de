import type { Context } from "hono";
import { ERROR_CATALOGUE, type ErrorCode, isTaskerError, TaskerError } from "../../core/errors/index.ts";
import { REQUEST_ERRORS } from "../../core/errors/request.ts";
import type { Logger } from "../../core/logger.ts";
import type { AppEnv } from "./deps.ts";

/** Seconds after which a caller may try again what was answered with 503. */
const RETRY_AFTER_SECONDS = 2;

type HttpStatus = (typeof ERROR_CATALOGUE)[ErrorCode]["httpStatus"];

/** Tasker's words for a status; clients of its API switch on them. */
const TASKER_WORDS: Readonly<Record<HttpStatus, string>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  408: "REQUEST_TIMEOUT",
  409: "CONFLICT",
  413: "PAYLOAD_TOO_LARGE",
  422: "UNPROCESSABLE_ENTITY",
  429: "TOO_MANY_REQUESTS",
  500: "INTERNAL_SERVER_ERROR",
  503: "SERVICE_UNAVAILABLE",
};

/** `{"error":{"code","message",…}}`: Tasker's word, our code, and what to do about it. */
export function errorResponse(error: unknown, c: Context<AppEnv>, logger: Logger): Response {
  const known = isTaskerError(error) ? error : unforeseen(error);
  const { httpStatus: status } = known.entry;
  const requestId = c.get("requestId");
  if (status >= 500) logger.error({ err: error, requestId, path: c.req.path }, "request failed");
  if (known.code === "TSK_REQUEST_BODY_INCOMPLETE") {
    logger.info({ found: known.found, requestId, path: c.req.path }, "client hung up");
  }
  const headers = new Headers({ "content-type": "application/json" });
  const retryAfter = retryAfterSeconds(known);
  if (retryAfter !== undefined) headers.set("retry-after", String(retryAfter));
  const challenge = challengeOf(known);
  if (challenge !== undefined) headers.set("www-authenticate", challenge);
  // The rest of a body that nobody will read must not be taken for the next request.
  if (status === 408 || status === 413) headers.set("connection", "close");
  return new Response(JSON.stringify({ error: errorBody(known, requestId) }), { status, headers });
}

function errorBody(error: TaskerError, requestId: string): Record<string, unknown> {
  const { httpStatus: status, summary, remedy } = error.entry;
  const head = { code: taskerWord(error.code), tsk_code: error.code };
  const retryAfter = retryAfterSeconds(error);
  const tail = {
    remedy,
    request_id: requestId,
    ...(retryAfter !== undefined && { retry_after_seconds: retryAfter }),
  };
  // What a failing system says of itself (statements, paths, addresses) is for the log, not for the caller.
  if (status >= 500 && !(error.code in REQUEST_ERRORS)) {
    return { ...head, message: summary, ...tail };
  }
  return {
    ...head,
    message: error.message,
    found: error.found,
    accepted: error.accepted,
    ...tail,
    ...(Object.keys(error.details).length > 0 && { details: error.details }),
  };
}

/** Where waiting helps: how long. */
function retryAfterSeconds({ entry, details }: TaskerError): number | undefined {
  const told = details["retry_after_seconds"];
  if (typeof told === "number") return told;
  return entry.httpStatus === 503 ? RETRY_AFTER_SECONDS : undefined;
}

/** `WWW-Authenticate` in the words of RFC 6750 §3. */
function challengeOf({ code, entry, details }: TaskerError): string | undefined {
  if (code === "TSK_AUTH_REQUIRED") return 'Bearer realm="tasker-host"';
  if (entry.httpStatus === 401) return 'Bearer realm="tasker-host", error="invalid_token"';
  if (code !== "TSK_AUTH_PERMISSION_MISSING") return undefined;
  return `Bearer realm="tasker-host", error="insufficient_scope", scope="${String(details["permission"])}"`;
}

function taskerWord(code: ErrorCode): string {
  if (code === "TSK_REQUEST_UUID_INVALID") return "INVALID_UUID";
  if (code === "TSK_JSON_MALFORMED" || code === "TSK_JSON_UNSTORABLE") return "JSON_ERROR";
  return TASKER_WORDS[ERROR_CATALOGUE[code].httpStatus];
}

function unforeseen(cause: unknown): TaskerError {
  const attempted = "Cannot answer the request";
  return new TaskerError("TSK_HOST_INTERNAL", { attempted, found: "a failure", cause });
}
