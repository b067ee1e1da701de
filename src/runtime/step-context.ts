/**
 * The guest's view of a step: `step-context` of `wit/tasker-handler@1.0.0`, field for field.
 * Members that end in `Json` hold JSON text, already scanned by the host, passed on unparsed.
 */
export interface StepContext {
  readonly taskUuid: string;
  readonly stepUuid: string;
  readonly correlationId: string;
  readonly parentCorrelationId?: string | undefined;
  readonly namespace: string;
  readonly taskName: string;
  readonly taskVersion: string;
  readonly stepName: string;
  readonly templateStepName: string;
  readonly callable: string;
  readonly method?: string | undefined;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly nowMs: number;
  readonly deadlineMs: number;
  /** An unsigned 64-bit number in decimal digits; the guest's only randomness. */
  readonly seed: string;
  readonly contextJson: string;
  readonly inputsJson: string;
  readonly configJson: string;
  readonly dependencyResults: readonly { readonly stepName: string; readonly resultJson: string }[];
  readonly checkpoint?: CheckpointWords | undefined;
  readonly attributes: Attributes;
}

export type Attributes = readonly (readonly [name: string, value: string])[];

/** A resume point: `checkpoint` of a context, `checkpoint-yield` of an outcome. */
export interface CheckpointWords {
  readonly cursorJson: string;
  readonly itemsProcessed: number;
  readonly accumulatedJson?: string | undefined;
}
