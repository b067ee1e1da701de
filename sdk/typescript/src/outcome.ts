import type { FailureDetails, RetryDetails } from "./errors.ts";

/** The step is done. Made by `success`. */
export class Success<Result = unknown> {
  readonly kind = "success";
  readonly result: Result;
  readonly metadata: Readonly<Record<string, unknown>>;

  constructor(result: Result, metadata: Readonly<Record<string, unknown>>) {
    this.result = result;
    this.metadata = metadata;
  }
}

/** The step failed. Made by `failure`, `retryable` and `permanent`. */
export class Failure {
  readonly kind = "failure";
  readonly message: string;
  readonly retryable: boolean;
  readonly details: RetryDetails;

  constructor(message: string, retryable: boolean, details: RetryDetails) {
    this.message = message;
    this.retryable = retryable;
    this.details = details;
  }
}

/** The step did a part of its work. Made by `checkpointYield`. */
export class CheckpointYield {
  readonly kind = "checkpoint-yield";
  readonly cursor: unknown;
  readonly itemsProcessed: number;
  readonly accumulated: unknown;

  constructor(cursor: unknown, itemsProcessed: number, accumulated: unknown) {
    this.cursor = cursor;
    this.itemsProcessed = itemsProcessed;
    this.accumulated = accumulated;
  }
}

/** What a handler may return besides a plain value (which is a success). */
export type Outcome<Result = unknown> = Success<Result> | Failure | CheckpointYield;

/**
 * Ends the step well. `result` is what the steps after it see; `metadata` is kept beside it, for people and metrics.
 * Returning `result` itself does the same without metadata.
 */
export function success<Result>(result: Result, metadata: Readonly<Record<string, unknown>> = {}): Success<Result> {
  return new Success(result, metadata);
}

/** Ends the attempt badly. `retryable` defaults to true, `errorType` to `handler_error`. */
export function failure(message: string, details: RetryDetails & { readonly retryable?: boolean } = {}): Failure {
  const { retryable = true, ...rest } = details;
  return new Failure(message, retryable, { errorType: "handler_error", ...rest });
}

/** Ends the attempt badly; another one may do better. `errorType` defaults to `retryable_error`. */
export function retryable(message: string, details: RetryDetails = {}): Failure {
  return new Failure(message, true, { errorType: "retryable_error", ...details });
}

/** Ends the step badly, for good. `errorType` defaults to `permanent_error`. */
export function permanent(message: string, details: FailureDetails = {}): Failure {
  return new Failure(message, false, { errorType: "permanent_error", ...details });
}

/**
 * Hands back what is done so far and asks to be run again from `cursor`; the next run finds all three in
 * `step.checkpoint`. `itemsProcessed` counts from 0 to 2^53 − 1.
 */
export function checkpointYield(progress: {
  readonly cursor: unknown;
  readonly itemsProcessed: number;
  readonly accumulated?: unknown;
}): CheckpointYield {
  return new CheckpointYield(progress.cursor, progress.itemsProcessed, progress.accumulated);
}
