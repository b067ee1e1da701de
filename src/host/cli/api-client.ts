import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { ERROR_CATALOGUE, type ErrorCode, isTaskerError, TaskerError } from "../../core/errors/index.ts";
import { AuditAnswer, ErrorAnswer, StepAnswer, TaskAnswer } from "./api-answers.ts";
import { parseExactly } from "./exact-json.ts";

export interface ApiClientOptions {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  /** An API token or a JWT; undefined: none is sent. */
  readonly token: string | undefined;
  /** For one answer, in milliseconds. */
  readonly timeoutMs: number;
  /** How often to ask again after a refused connection or a 503. */
  readonly retryAttempts: number;
  readonly clock: Clock;
  readonly interrupted: AbortSignal;
}

/** Longest wait between two attempts, whatever `Retry-After` says. */
const MAX_WAIT_MS = 10_000;

/** The API as the commands use it. Methods throw what the API refused, or TSK_REQUEST_API_UNREACHABLE. */
export class ApiClient {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  /**
   * Submits a task request, given as JSON text with `correlationId` in it.
   *
   * An answer that got lost makes the next attempt a duplicate: where the existing task bears our correlation id, it is ours.
   */
  async submit(body: string, correlationId: string): Promise<TaskAnswer> {
    let lost = false;
    try {
      return await this.ask("/v1/tasks", TaskAnswer, { ...asJson("POST", body), onLost: () => (lost = true) });
    } catch (error) {
      const existing = isTaskerError(error, "TSK_TASK_DUPLICATE") ? error.details["task_uuid"] : undefined;
      if (!lost || typeof existing !== "string") throw error;
      const task = await this.task(existing);
      if (task.correlation_id !== correlationId) throw error;
      return task;
    }
  }

  task(taskUuid: string): Promise<TaskAnswer> {
    return this.ask(`/v1/tasks/${taskUuid}`, TaskAnswer);
  }

  steps(taskUuid: string): Promise<StepAnswer[]> {
    return this.ask(`/v1/tasks/${taskUuid}/workflow_steps`, z.array(StepAnswer));
  }

  /** One page of changes, newest first; `query` as `GET /v1/audit` takes it. */
  audit(query: URLSearchParams): Promise<AuditAnswer> {
    return this.ask(`/v1/audit?${query.toString()}`, AuditAnswer);
  }

  /** Any request, its answer read as `schema` says. */
  async ask<T>(path: string, schema: z.ZodType<T>, sent: ApiRequest = { method: "GET" }): Promise<T> {
    const { clock, interrupted, retryAttempts } = this.#options;
    const attempts = sent.once === true ? 0 : retryAttempts;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#once(path, sent);
      if (answer.kind === "answered") return this.#read(path, schema, answer);
      if (!answer.again || attempt >= attempts || interrupted.aborted) throw answer.error;
      if (answer.kind === "lost") sent.onLost?.();
      await clock.wait(Math.min(answer.waitMs ?? 200 * 2 ** attempt, MAX_WAIT_MS), interrupted);
    }
  }

  async #once(path: string, { method, body, contentType, patienceMs = 0 }: ApiRequest): Promise<Answer> {
    const { baseUrl, token, interrupted } = this.#options;
    const timeoutMs = Math.max(this.#options.timeoutMs, patienceMs);
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(baseUrl + path, {
        method,
        headers: {
          accept: "application/json",
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(contentType !== undefined && { "content-type": contentType }),
        },
        // A redirect could carry the token to whoever is named in it.
        redirect: "error",
        ...(body !== undefined && { body }),
        signal: AbortSignal.any([timeout, interrupted]),
      });
      const text = await response.text();
      if (response.status !== 503 && response.status !== 429)
        return { kind: "answered", status: response.status, text };
      const waitMs = secondsToMs(response.headers.get("retry-after"));
      return { kind: "busy", again: true, waitMs, error: refusal(path, response.status, text) };
    } catch (cause) {
      const found = timeout.aborted ? `no answer within ${timeoutMs / 1_000} s` : reasonOf(cause);
      const attempted = `Cannot ask ${baseUrl}`;
      const error = new TaskerError("TSK_REQUEST_API_UNREACHABLE", { attempted, found, cause });
      return { kind: "lost", again: !timeout.aborted, waitMs: undefined, error };
    }
  }

  #read<T>(path: string, schema: z.ZodType<T>, answer: { status: number; text: string }): T {
    if (answer.status >= 400) throw refusal(path, answer.status, answer.text);
    const parsed = schema.safeParse(answer.status === 204 ? null : parseOrUndefined(answer.text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new TaskerError("TSK_REQUEST_API_ANSWER", {
      attempted: `Cannot read the answer to ${path} from ${this.#options.baseUrl}`,
      found: issue === undefined ? "another form" : `${issue.path.join(".") || "the answer"}: ${issue.message}`,
      cause: parsed.error,
    });
  }
}

/** What is sent besides the path. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly contentType?: string;
  /** Sent once, as a second time would change more. */
  readonly once?: boolean;
  /** Waits at least this long for the answer. */
  readonly patienceMs?: number;
  /** Called where an answer was lost, before the request is sent again. */
  readonly onLost?: () => void;
}

export function asJson(method: "POST" | "PATCH", body: string): ApiRequest {
  return { method, body, contentType: "application/json" };
}

type Answer =
  | { readonly kind: "answered"; readonly status: number; readonly text: string }
  | {
      readonly kind: "busy" | "lost";
      readonly again: boolean;
      readonly waitMs: number | undefined;
      readonly error: TaskerError;
    };

/** The error that the API sent, as if it had happened here. */
function refusal(path: string, status: number, text: string): TaskerError {
  const parsed = ErrorAnswer.safeParse(parseOrUndefined(text));
  if (!parsed.success) {
    const found = `status ${status} without an error in it`;
    // What stands between (a proxy, a balancer) has its own pages for a host that is away.
    if (status === 503)
      return new TaskerError("TSK_REQUEST_API_UNREACHABLE", { attempted: `Cannot ask ${path}`, found });
    return new TaskerError("TSK_REQUEST_API_ANSWER", { attempted: `Cannot read the answer to ${path}`, found });
  }
  const { tsk_code: code = "", message, found, accepted, details } = parsed.data.error;
  const known = isErrorCode(code) ? code : codeOfStatus(status);
  const attemptedEnd = found === undefined ? -1 : message.indexOf(`: ${found}`);
  if (found === undefined || attemptedEnd === -1) {
    return new TaskerError(known, { attempted: "The API refused the request", found: message, details: details ?? {} });
  }
  const attempted = message.slice(0, attemptedEnd);
  return new TaskerError(known, {
    attempted,
    found,
    ...(accepted !== undefined && { accepted }),
    details: details ?? {},
  });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, code);
}

/** For a Tasker orchestrator, which knows no codes of ours. */
function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return "TSK_AUTH_INVALID";
  if (status === 403) return "TSK_AUTH_PERMISSION_MISSING";
  if (status === 404) return "TSK_TASK_NOT_FOUND";
  if (status === 409) return "TSK_TASK_DUPLICATE";
  if (status === 503) return "TSK_REQUEST_HOST_NOT_SERVING";
  return status < 500 ? "TSK_REQUEST_INVALID" : "TSK_REQUEST_API_ANSWER";
}

function parseOrUndefined(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}

function secondsToMs(retryAfter: string | null): number | undefined {
  return retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined;
}

const SPOKEN_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "no host has this name",
  // Of fetch itself, which asks nobody.
  "bad port": "HTTP clients refuse this port, as they do every port of another protocol",
};

/** `fetch` says "fetch failed"; what happened is in the causes below. */
function reasonOf(error: unknown): string {
  let reason = "no connection";
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    reason = "code" in at && typeof at.code === "string" ? at.code : at.message || reason;
  }
  return SPOKEN_REASONS[reason] ?? reason;
}
