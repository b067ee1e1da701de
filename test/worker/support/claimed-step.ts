import type { ClaimedStep } from "../../../src/host/database/steps.ts";

/** A claimed step as the database gives one. */
export function claimedStep(stepUuid: string, overrides: Partial<ClaimedStep> = {}): ClaimedStep {
  return {
    stepUuid,
    taskUuid: "task",
    epoch: 1,
    attempt: 1,
    maxAttempts: 3,
    retryable: true,
    namespace: "ns",
    taskName: "task",
    taskVersion: "1.0.0",
    stepName: stepUuid,
    templateStepName: stepUuid,
    correlationId: "correlation",
    parentCorrelationId: undefined,
    callable: "a.b",
    method: undefined,
    timeoutSeconds: undefined,
    digest: undefined,
    contextJson: "{}",
    inputsJson: "{}",
    configJson: "{}",
    dependencyResults: [],
    bytesLeftOut: undefined,
    checkpointJson: undefined,
    priority: 0,
    ...overrides,
  };
}
