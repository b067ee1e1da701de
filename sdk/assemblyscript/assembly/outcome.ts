import { Json } from "./json";

export enum OutcomeKind {
  Success,
  Failure,
  CheckpointYield,
}

/** How a step ends: made by `success`, `failure`, `retryable`, `permanent` or `checkpointYield`. */
export abstract class Outcome {
  readonly kind: OutcomeKind;

  constructor(kind: OutcomeKind) {
    this.kind = kind;
  }
}

export class Success extends Outcome {
  readonly result: Json;
  readonly metadata: Json;

  constructor(result: Json, metadata: Json) {
    super(OutcomeKind.Success);
    this.result = result;
    this.metadata = metadata;
  }
}

/** A failure; the `with…` methods say more and return it. */
export class Failure extends Outcome {
  readonly message: string;
  readonly retryable: bool;
  errorType: string;
  errorCode: string | null = null;
  /** An HTTP status that stands for it; 0 for none. */
  statusCode: u16 = 0;
  /** Wait at least this long before the next attempt; negative where the template's backoff decides. */
  retryAfterMs: i64 = -1;
  context: Json | null = null;

  constructor(message: string, retryable: bool, errorType: string) {
    super(OutcomeKind.Failure);
    this.message = message;
    this.retryable = retryable;
    this.errorType = errorType;
  }

  /** What kind of failure it is, for programs: `validation_error`. */
  withType(errorType: string): Failure {
    this.errorType = errorType;
    return this;
  }

  /** A code of your own: `OUT_OF_STOCK`. */
  withCode(errorCode: string): Failure {
    this.errorCode = errorCode;
    return this;
  }

  withStatus(statusCode: u16): Failure {
    this.statusCode = statusCode;
    return this;
  }

  withRetryAfter(milliseconds: i64): Failure {
    this.retryAfterMs = milliseconds;
    return this;
  }

  /** An object with whatever helps to understand it. */
  withContext(context: Json): Failure {
    this.context = context;
    return this;
  }
}

export class CheckpointYield extends Outcome {
  readonly cursor: Json;
  readonly itemsProcessed: u64;
  readonly accumulated: Json | null;

  constructor(cursor: Json, itemsProcessed: u64, accumulated: Json | null) {
    super(OutcomeKind.CheckpointYield);
    this.cursor = cursor;
    this.itemsProcessed = itemsProcessed;
    this.accumulated = accumulated;
  }
}

/** Ends the step well. `result` is what the steps after it see; `metadata`, an object, is kept beside it. */
export function success(result: Json, metadata: Json | null = null): Outcome {
  return new Success(result, metadata === null ? Json.object() : metadata);
}

/** Ends the attempt badly; `errorType` is `handler_error` until `withType` says otherwise. */
export function failure(message: string, retryable: bool = true): Failure {
  return new Failure(message, retryable, "handler_error");
}

/** Ends the attempt badly; another one may do better. */
export function retryable(message: string): Failure {
  return new Failure(message, true, "retryable_error");
}

/** Ends the step badly, for good. */
export function permanent(message: string): Failure {
  return new Failure(message, false, "permanent_error");
}

/** Hands back what is done so far and asks to be run again from `cursor`. */
export function checkpointYield(cursor: Json, itemsProcessed: u64, accumulated: Json | null = null): Outcome {
  return new CheckpointYield(cursor, itemsProcessed, accumulated);
}
