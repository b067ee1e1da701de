import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { CheckpointWords, RunLimits, RunReport, StepContext } from "../../runtime/index.ts";
import { parseCheckpoint } from "../domain/checkpoint.ts";
import type { StepEventPayload } from "../domain/step-event.ts";
import type { StepEvent, StepEventHandler } from "../events/in-process-event-system.ts";
import type { LoadedComponent } from "../registry/handler-registry.ts";
import type { NamespaceSandboxes } from "./namespace-sandboxes.ts";

export interface SandboxHandlerDeps {
  readonly sandboxes: NamespaceSandboxes;
  /** The component with this digest, checked. Rejects where it cannot be had. */
  readonly load: (digest: string) => Promise<LoadedComponent>;
  /** The limits of the namespace, without the deadline, which is the step's. */
  readonly limits: Omit<RunLimits, "timeoutMs">;
  readonly clock: Clock;
}

/** Subscribes the sandbox to step events: finds the component, builds the guest's view of the step, runs it. */
export function sandboxHandler(deps: SandboxHandlerDeps): StepEventHandler {
  return async (event: StepEvent): Promise<RunReport> => {
    const { payload, moduleDigest = "" } = event;
    const [component, sandbox] = await Promise.all([
      deps.load(moduleDigest),
      deps.sandboxes.of(payload.task.namespace),
    ]);
    return sandbox.run({
      artifact: component.artifact,
      sourceMap: component.sourceMap,
      context: stepContext(payload, deps.clock.now()),
      limits: { ...deps.limits, timeoutMs: payload.step.timeoutMs },
    });
  };
}

/** The guest's view of a step. `now` and the seed are fixed here: the guest has no other clock and no other chance. */
function stepContext({ task, sequence, step }: StepEventPayload, nowMs: number): StepContext {
  return {
    taskUuid: task.taskUuid,
    stepUuid: step.stepUuid,
    correlationId: task.correlationId,
    parentCorrelationId: task.parentCorrelationId,
    namespace: task.namespace,
    taskName: task.name,
    taskVersion: task.version,
    stepName: step.name,
    templateStepName: step.templateStepName,
    callable: step.callable,
    method: step.method,
    attempt: step.attempt,
    maxAttempts: step.maxAttempts,
    nowMs,
    deadlineMs: nowMs + step.timeoutMs,
    seed: seedOf(step.stepUuid, step.attempt),
    contextJson: task.contextJson,
    inputsJson: step.inputsJson,
    configJson: step.configJson,
    dependencyResults: sequence,
    checkpoint: checkpointOf(step.checkpointJson),
    attributes: [],
  };
}

/**
 * The same for every run of the same attempt, unrelated between attempts and steps: 53 bits of SHA-256, because QuickJS gets
 * a `u64` as a double.
 */
function seedOf(stepUuid: string, attempt: number): string {
  return (createHash("sha256").update(`${stepUuid}/${attempt}`).digest().readBigUInt64LE(0) >> 11n).toString();
}

function checkpointOf(json: string | undefined): CheckpointWords | undefined {
  return json === undefined ? undefined : parseCheckpoint(json);
}
