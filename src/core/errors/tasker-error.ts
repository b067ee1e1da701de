import { ERROR_CATALOGUE, type ErrorCode, type ErrorEntry } from "./catalogue.ts";

/** What happened, in the order a reader wants it. Sentences have no final period; values are quoted. */
export interface ErrorFacts {
  /** What was attempted: `Cannot load component "pay@2"`. */
  readonly attempted: string;
  /** What was found instead: `declares import "wasi:sockets/tcp"`. */
  readonly found: string;
  /** What would have been accepted: `allowed are "tasker:handler/log"`. */
  readonly accepted?: string;
  /** Machine-readable facts, safe to show to whoever gets the error. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The one error class of the host. Guest failures are data (`Outcome`); this is for everything else.
 *
 * `message` reads `attempted: found (accepted: …)`; `remedy` comes from the catalogue.
 */
export class TaskerError extends Error {
  override readonly name = "TaskerError";
  readonly code: ErrorCode;
  readonly attempted: string;
  readonly found: string;
  readonly accepted: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, facts: ErrorFacts) {
    const accepted = facts.accepted === undefined ? "" : ` (accepted: ${facts.accepted})`;
    super(`${facts.attempted}: ${facts.found}${accepted}`, { cause: facts.cause });
    this.code = code;
    this.attempted = facts.attempted;
    this.found = facts.found;
    this.accepted = facts.accepted;
    this.details = facts.details ?? {};
  }

  get entry(): ErrorEntry {
    return ERROR_CATALOGUE[this.code];
  }

  get remedy(): string {
    return this.entry.remedy;
  }
}

/** True for a `TaskerError`, of one code if `code` is given. */
export function isTaskerError(error: unknown, code?: ErrorCode): error is TaskerError {
  return error instanceof TaskerError && (code === undefined || error.code === code);
}
