/** `step-context` of the WIT package as the engines hand it over: an absent option is null or undefined, a u64 number or bigint. */
export interface WitContext {
  readonly taskUuid: string;
  readonly stepUuid: string;
  readonly correlationId: string;
  readonly parentCorrelationId?: string | null;
  readonly namespace: string;
  readonly taskName: string;
  readonly taskVersion: string;
  readonly stepName: string;
  readonly templateStepName: string;
  readonly callable: string;
  readonly method?: string | null;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly nowMs: number | bigint;
  readonly deadlineMs: number | bigint;
  readonly seed: number | bigint;
  readonly context: string;
  readonly inputs: string;
  readonly config: string;
  readonly dependencyResults: readonly { readonly stepName: string; readonly result: string }[];
  readonly checkpoint?: WitCheckpoint | null;
  readonly attributes: readonly (readonly [string, string])[];
}

interface WitCheckpoint {
  readonly cursor: string;
  readonly itemsProcessed: number | bigint;
  readonly accumulated?: string | null;
}
