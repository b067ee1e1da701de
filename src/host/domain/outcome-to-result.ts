import type { ErrorCode } from "../../core/errors/index.ts";
import type { GuestFailure, Outcome } from "../../runtime/index.ts";
import type { LimitsInForce } from "./step-run.ts";

/** An outcome that ends a step; a checkpoint only interrupts it. */
export type FinalOutcome = Exclude<Outcome, { readonly kind: "checkpoint-yield" }>;

/** What an outcome means for the step, in Tasker's words. */
export type StepResult = StepSuccess | StepFailure;

interface StepSuccess {
  readonly success: true;
  readonly resultJson: string;
  /** A JSON object: the handler's part of `metadata.custom`. */
  readonly metadataJson: string;
}

export interface StepFailure {
  readonly success: false;
  readonly message: string;
  /** `metadata.error_type`: the guest's own word, or one of a fixed few. */
  readonly errorType: string;
  /** A code of the catalogue, or the guest's own. */
  readonly errorCode: string | undefined;
  /** Whether another attempt could end otherwise. Attempts left are the database's business. */
  readonly retryable: boolean;
  readonly statusCode: number | undefined;
  /** The guest's wish; wins over the backoff of the template. */
  readonly retryAfterMs: number | undefined;
  /** A JSON object with facts about the failure. */
  readonly contextJson: string;
  readonly backtrace: readonly string[];
}

/**
 * Decides what becomes of a step. Permanent is what a second run would only repeat, because a run depends on nothing but
 * its input and limits; retryable is what came from outside: time, processes, host calls. A failure says it itself.
 * With `limits` a limit that was hit says who set it.
 */
export function outcomeToResult(outcome: FinalOutcome, limits?: LimitsInForce): StepResult {
  switch (outcome.kind) {
    case "success":
      return { success: true, resultJson: outcome.resultJson, metadataJson: outcome.metadataJson };
    case "failure":
      return guestFailure(outcome);
    case "out-of-fuel":
      return permanent("out_of_fuel", "TSK_HANDLER_OUT_OF_FUEL", {
        message: `Handler ran out of fuel: its limit is ${outcome.limit} units`,
        facts: { limit_fuel: outcome.limit, ...setBy(limits, "fuel") },
        backtrace: outcome.backtrace,
      });
    case "memory-exceeded":
      return permanent("memory_exceeded", "TSK_HANDLER_MEMORY_EXCEEDED", {
        message: `Handler ran out of memory: its limit is ${outcome.limit} bytes`,
        facts: { limit_bytes: outcome.limit, ...setBy(limits, "memory") },
        backtrace: outcome.backtrace,
      });
    case "stack-exhausted":
      return permanent("stack_exhausted", "TSK_HANDLER_STACK_EXHAUSTED", {
        message: "Handler nested its calls deeper than it may",
        backtrace: outcome.backtrace,
        ...(limits !== undefined && {
          facts: { limit_call_depth: limits.maxCallDepth, set_by: "host", callable: limits.callable },
        }),
      });
    case "trap":
      return permanent("handler_panic", "TSK_HANDLER_TRAPPED", {
        message: `Handler trapped: ${outcome.message}`,
        facts: { phase: outcome.phase },
        backtrace: outcome.backtrace,
      });
    case "invalid-result":
      return permanent("invalid_result", "TSK_HANDLER_RESULT_INVALID", {
        message: `Handler returned what is no result: ${outcome.reason}`,
      });
    case "output-exceeded":
      return permanent("output_exceeded", "TSK_HANDLER_OUTPUT_EXCEEDED", {
        message: `Handler put out too much (${outcome.what}): the limit is ${outcome.limit}`,
        facts: { what: outcome.what, limit: outcome.limit, ...setBy(limits, OUTPUT_LIMITS[outcome.what]) },
      });
    case "timeout":
      return retryable("handler_timeout", "TSK_HANDLER_TIMEOUT", {
        message: `Handler ran longer than ${outcome.limitMs} ms and was killed`,
        facts: { timeout_ms: outcome.limitMs, ...setBy(limits, "deadline") },
      });
    case "host-call-failed":
      return retryable("host_call_failed", "TSK_HANDLER_HOST_CALL_FAILED", {
        message: `Host call of handler failed: ${outcome.capability}: ${outcome.message}`,
        facts: { capability: outcome.capability },
      });
    case "sandbox-lost":
      return retryable("sandbox_lost", "TSK_HANDLER_SANDBOX_LOST", {
        message: `Sandbox was lost while the handler ran: ${outcome.reason}`,
      });
    default:
      return outcome satisfies never;
  }
}

/** Errors and host calls are limited by the host alone. */
const OUTPUT_LIMITS = { result: "result", log: "log", error: undefined, "host-calls": undefined } as const;

function setBy(
  limits: LimitsInForce | undefined,
  limit: keyof LimitsInForce["setBy"] | undefined,
): Readonly<Record<string, string>> {
  if (limits === undefined) return {};
  return { set_by: limit === undefined ? "host" : limits.setBy[limit], callable: limits.callable };
}

function guestFailure(failure: GuestFailure): StepFailure {
  return {
    success: false,
    message: failure.message,
    errorType: failure.errorType,
    errorCode: failure.errorCode,
    retryable: failure.retryable,
    statusCode: failure.statusCode,
    retryAfterMs: failure.retryAfterMs,
    contextJson: failure.contextJson,
    backtrace: failure.backtrace,
  };
}

interface FailureWords {
  readonly message: string;
  readonly facts?: Readonly<Record<string, string | number>>;
  readonly backtrace?: readonly string[] | undefined;
}

type HandlerErrorCode = Extract<ErrorCode, `TSK_HANDLER_${string}`>;

function permanent(errorType: string, errorCode: HandlerErrorCode, words: FailureWords): StepFailure {
  return sandboxFailure(errorType, errorCode, words, false);
}

function retryable(errorType: string, errorCode: HandlerErrorCode, words: FailureWords): StepFailure {
  return sandboxFailure(errorType, errorCode, words, true);
}

function sandboxFailure(
  errorType: string,
  errorCode: HandlerErrorCode,
  { message, facts = {}, backtrace = [] }: FailureWords,
  isRetryable: boolean,
): StepFailure {
  return {
    success: false,
    message,
    errorType,
    errorCode,
    retryable: isRetryable,
    statusCode: undefined,
    retryAfterMs: undefined,
    contextJson: JSON.stringify(facts),
    backtrace,
  };
}
