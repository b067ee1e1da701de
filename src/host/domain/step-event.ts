/**
 * What the worker foundation announces for every claimed step: the task it belongs to, the results before it, the step itself.
 * Members that end in `Json` are JSON text as Postgres holds it; nobody parses them on the way to a component.
 */
export interface StepEventPayload {
  readonly task: EventTask;
  /** The completed steps before this one, nearest first. */
  readonly sequence: readonly EventDependency[];
  readonly step: EventStep;
}

export interface EventTask {
  readonly taskUuid: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly correlationId: string;
  readonly parentCorrelationId: string | undefined;
  readonly contextJson: string;
}

export interface EventDependency {
  readonly stepName: string;
  /** The `result` member of that step's execution result. */
  readonly resultJson: string;
}

export interface EventStep {
  readonly stepUuid: string;
  readonly name: string;
  readonly templateStepName: string;
  readonly callable: string;
  readonly method: string | undefined;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly inputsJson: string;
  readonly configJson: string;
  /** The checkpoint that an earlier run of this step left, as stored. */
  readonly checkpointJson: string | undefined;
}
