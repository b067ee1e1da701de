import type { ClaimedStep } from "../database/steps.ts";
import type { StepEvent } from "../events/in-process-event-system.ts";

/** What the foundation adds to a claimed step before anybody sees it. */
export interface HydrationDefaults {
  /** For steps whose template names no `timeout_seconds`. */
  readonly defaultTimeoutMs: number;
}

/**
 * Turns a claimed row into the event that announces it. Pure: the claim brought everything along,
 * JSON members stay text.
 */
export function hydrate(claimed: ClaimedStep, defaults: HydrationDefaults): StepEvent {
  return {
    moduleDigest: claimed.digest,
    payload: {
      task: {
        taskUuid: claimed.taskUuid,
        namespace: claimed.namespace,
        name: claimed.taskName,
        version: claimed.taskVersion,
        correlationId: claimed.correlationId,
        parentCorrelationId: claimed.parentCorrelationId,
        contextJson: claimed.contextJson,
      },
      sequence: claimed.dependencyResults,
      step: {
        stepUuid: claimed.stepUuid,
        name: claimed.stepName,
        templateStepName: claimed.templateStepName,
        callable: claimed.callable,
        method: claimed.method,
        attempt: claimed.attempt,
        maxAttempts: claimed.maxAttempts,
        timeoutMs: claimed.timeoutSeconds === undefined ? defaults.defaultTimeoutMs : claimed.timeoutSeconds * 1_000,
        inputsJson: claimed.inputsJson,
        configJson: claimed.configJson,
        checkpointJson: claimed.checkpointJson,
      },
    },
  };
}
