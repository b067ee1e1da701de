import { PermanentError, RetryableError } from "../errors.ts";
import { stringifyJson } from "../json/stringify-json.ts";
import { Failure } from "../outcome.ts";
import { storable } from "../storable.ts";

/** A failure as the contract has it: `failure` of the WIT package, names in camel case. */
export interface WitFailure {
  readonly message: string;
  readonly errorType: string;
  readonly errorCode: string | undefined;
  readonly retryable: boolean;
  readonly statusCode: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly context: string;
  readonly attributes: readonly (readonly [string, string])[];
}

/** A returned `Failure` in the contract's words. */
export function failureOf(failure: Failure): WitFailure {
  return witFailure(failure, []);
}

/**
 * Whatever was thrown, as a failure: its message, its kind, and the engine's stack as the attribute `stack`. Retryable
 * unless the error says otherwise by a member `retryable` that is false.
 */
export function failureOfThrown(thrown: unknown): WitFailure {
  try {
    if (thrown instanceof Failure) return witFailure(thrown, []);
    if (!(thrown instanceof Error))
      return witFailure(new Failure(show(thrown), saysRetryable(thrown), { errorType: kindOf(thrown) }), []);
    const { details = {} } = thrown instanceof PermanentError || thrown instanceof RetryableError ? thrown : {};
    const context = thrown.cause === undefined ? details.context : { ...details.context, cause: show(thrown.cause) };
    const failure = new Failure(thrown.message + hint(thrown), saysRetryable(thrown), {
      ...details,
      errorType: details.errorType ?? typeOf(thrown),
      context,
    });
    return witFailure(failure, thrown.stack === undefined ? [] : [["stack", storable(thrown.stack)]]);
  } catch (error) {
    // What was thrown defends itself: getters that throw, a context without JSON.
    const reason = error instanceof Error ? error.message : "unknown";
    return witFailure(
      new Failure(`Cannot describe what was thrown: ${reason}`, true, { errorType: "handler_error" }),
      [],
    );
  }
}

/** A failure that the SDK itself states: the handler broke its side of the contract, another attempt would again. */
export function contractFailure(errorType: string, message: string): WitFailure {
  return witFailure(new Failure(message, false, { errorType }), []);
}

function witFailure(failure: Failure, attributes: WitFailure["attributes"]): WitFailure {
  const { errorType = "handler_error", errorCode, statusCode, retryAfterMs, context = {} } = failure.details;
  return {
    message: storable(failure.message),
    errorType: storable(errorType),
    errorCode: errorCode === undefined ? undefined : storable(errorCode),
    retryable: failure.retryable,
    statusCode: within(statusCode, 65_535),
    retryAfterMs: within(retryAfterMs, Number.MAX_SAFE_INTEGER),
    context: stringifyJson(context),
    attributes,
  };
}

/** The whole number that the contract can carry; whatever is not even a number says nothing. (Authors of JavaScript have no types.) */
function within(value: unknown, max: number): number | undefined {
  if (typeof value !== "number" || Number.isNaN(value)) return undefined;
  return Math.min(Math.max(0, Math.ceil(value)), max);
}

function typeOf(error: Error): string {
  if (error instanceof PermanentError) return "permanent_error";
  if (error instanceof RetryableError) return "retryable_error";
  return error.name || kindOf(error);
}

function kindOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return thrown === null ? "null" : typeof thrown;
  return thrown.constructor?.name ?? "object";
}

function saysRetryable(thrown: unknown): boolean {
  return !(typeof thrown === "object" && thrown !== null && "retryable" in thrown && thrown.retryable === false);
}

function show(thrown: unknown): string {
  if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`;
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  if ("message" in thrown && typeof thrown.message === "string") return thrown.message;
  return stringifyJson(thrown);
}

/** Globals that people expect and that a step does not have, with what to use instead. */
const MISSING: readonly (readonly [name: RegExp, advice: string])[] = [
  [/\b(?:set|clear)(?:Timeout|Interval|Immediate)\b/, "a step has no timers; to wait, fail with retryAfterMs"],
  [/\bfetch\b|\bXMLHttpRequest\b|\bWebSocket\b/, "a step has no network of its own"],
  [/\bprocess\b|\brequire\b|\bBuffer\b/, "a step does not run on Node.js"],
];

function hint(error: Error): string {
  if (error.name !== "ReferenceError") return "";
  const advice = MISSING.find(([name]) => name.test(error.message))?.[1];
  return advice === undefined ? "" : ` (${advice})`;
}
