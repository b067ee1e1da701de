/** The words that worker and database share about steps: what a claim brings, what a report takes. */

/** A step that this host holds a lease of, with everything that its handler needs. JSON members are text as Postgres holds it. */
export interface ClaimedStep {
  readonly stepUuid: string;
  readonly taskUuid: string;
  /** Fences the report: one that comes with another epoch than the step's live lease is stale. From 1, per step. */
  readonly epoch: number;
  /** From 1; a step that was handed over by a host that shut down keeps its number. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly retryable: boolean;
  readonly namespace: string;
  readonly taskName: string;
  readonly taskVersion: string;
  readonly stepName: string;
  /** The step of the template that this one was made from; differs from `stepName` for batch workers. */
  readonly templateStepName: string;
  readonly correlationId: string;
  readonly parentCorrelationId: string | undefined;
  readonly callable: string;
  readonly method: string | undefined;
  /** Undefined: the template says nothing. */
  readonly timeoutSeconds: number | undefined;
  /** SHA-256 of the component that was active for the callable; undefined where a native handler or nobody serves it. */
  readonly digest: string | undefined;
  readonly contextJson: string;
  readonly inputsJson: string;
  readonly configJson: string;
  /** All completed ancestors, nearest first. */
  readonly dependencyResults: readonly DependencyResult[];
  /** Bytes of the results that were left out because they are too many; undefined: they are all there. */
  readonly bytesLeftOut: number | undefined;
  readonly checkpointJson: string | undefined;
  readonly priority: number;
}

export interface DependencyResult {
  readonly stepName: string;
  /** The `result` member of that step's execution result. */
  readonly resultJson: string;
}

/** Why a message led to no claim. It is archived, never looped. */
export type ArchiveReason =
  /** No JSON object with a `step_uuid`. */
  | "malformed"
  | "unknown_step"
  | "foreign_namespace"
  /** A second message of the same claim for one step. */
  | "duplicate"
  /** Somebody holds the step already. */
  | "already_claimed"
  /** The step is done, failed for good or cancelled. */
  | "finished"
  /** Postgres refuses its claim, at every try: its step has failed. */
  | "unclaimable"
  /** The step waits, for its parents or for its retry: a message of its own will come. */
  | "not_enqueued";

export interface ArchivedMessage {
  readonly messageId: number;
  readonly stepUuid: string | undefined;
  readonly reason: ArchiveReason;
}

export interface Claim {
  readonly steps: readonly ClaimedStep[];
  /** Messages that were taken from the queue and led to no step. */
  readonly archived: readonly ArchivedMessage[];
}

/** What a look for steps of hosts that are gone brought. */
export interface TakenOver {
  readonly steps: readonly ClaimedStep[];
  /** Steps that ended without a run: they may not run again, or somebody had moved them on. There may be more behind them. */
  readonly ended: number;
  /** Steps that were passed by because somebody holds their tasks. */
  readonly locked: number;
}

export interface StepReport {
  readonly stepUuid: string;
  readonly epoch: number;
  readonly success: boolean;
  /** Whether the outcome allows another attempt; the step's own settings decide too. */
  readonly retryable: boolean;
  /** Overrides the template's backoff; undefined: no wish. */
  readonly retryAfterMs: number | undefined;
  /** The StepExecutionResult document. */
  readonly resultJson: string;
}

/** What became of one report. */
export type StepVerdict =
  | {
      readonly stepUuid: string;
      /** `recorded`: in the database, now or by an earlier report of the same epoch. `stale`: the step is not this lease's any more. */
      readonly verdict: "recorded" | "stale";
    }
  | {
      readonly stepUuid: string;
      /**
       * Postgres cannot hold the result, or it asks for steps that cannot be created: the step has failed for good, with
       * code TSK_STEP_RESULT_REFUSED or TSK_STEP_OUTCOME_INVALID.
       */
      readonly verdict: "refused";
      /** Empty where it is not Postgres that refused. */
      readonly sqlstate: string;
      readonly message: string;
    };

/** Backoff where the template does not say. */
export interface RetryRules {
  readonly baseMs: number;
  /** Factor from one exponential wait to the next. */
  readonly multiplier: number;
  readonly maxMs: number;
  /** Share by which a wait is lengthened or shortened at random, 0 to 1. */
  readonly jitter: number;
}
