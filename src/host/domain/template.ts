/** A task template as the host reads it; the whole of it is the configuration stored in `named_tasks`. */
export interface TaskTemplate {
  readonly name: string;
  readonly namespaceName: string;
  readonly version: string;
  readonly description: string | undefined;
  /** In the order of the file. */
  readonly steps: readonly TemplateStep[];
}

export const STEP_TYPES = ["standard", "decision", "deferred_convergence", "batchable", "batch_worker"] as const;
type StepType = (typeof STEP_TYPES)[number];

export const BACKOFF_KINDS = ["none", "linear", "exponential", "fibonacci"] as const;
type BackoffKind = (typeof BACKOFF_KINDS)[number];

export interface TemplateStep {
  readonly name: string;
  readonly description: string | undefined;
  readonly type: StepType;
  readonly callable: string;
  readonly method: string | undefined;
  /** Names of the steps that must be complete before this one. */
  readonly dependencies: readonly string[];
  readonly retry: RetryPolicy;
  /** Undefined: `step_processing.default_timeout_seconds`. */
  readonly timeoutSeconds: number | undefined;
}

/** When a failed step is tried again. */
export interface RetryPolicy {
  readonly retryable: boolean;
  /** Runs in all, the first one included. */
  readonly maxAttempts: number;
  readonly backoff: BackoffKind;
  readonly backoffBaseMs: number;
  readonly maxBackoffMs: number;
}

/** Tasker's own defaults; `step_processing.retry_backoff_*` and `max_retries` replace them. */
export const TASKER_RETRY_POLICY: RetryPolicy = {
  retryable: true,
  maxAttempts: 3,
  backoff: "exponential",
  backoffBaseMs: 1_000,
  maxBackoffMs: 3_600_000,
};
