/** What a failure can say besides its message. */
export interface FailureDetails {
  /** What kind of failure it is, for programs: `validation_error`, `gateway_timeout`, … */
  readonly errorType?: string | undefined;
  /** A code of your own: `OUT_OF_STOCK`. */
  readonly errorCode?: string | undefined;
  /** An HTTP status that stands for it, 100 to 599. */
  readonly statusCode?: number | undefined;
  /** Whatever helps to understand it; must be storable as JSON. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
}

export interface RetryDetails extends FailureDetails {
  /** Wait at least this long before the next attempt, in milliseconds. Default: the template's backoff decides. */
  readonly retryAfterMs?: number | undefined;
}

/** Throw it where trying again cannot help: the step ends in error at once. `error_type` is `permanent_error` by default. */
export class PermanentError extends Error {
  override readonly name: string = "PermanentError";
  readonly retryable = false;
  readonly details: FailureDetails;

  constructor(message: string, details: FailureDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.details = details;
  }
}

/**
 * Throw it where trying again may help. Any other error is retryable too; this one can say more: when to try again, a
 * code, a status. `error_type` is `retryable_error` by default.
 */
export class RetryableError extends Error {
  override readonly name: string = "RetryableError";
  readonly retryable = true;
  readonly details: RetryDetails;

  constructor(message: string, details: RetryDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.details = details;
  }
}
