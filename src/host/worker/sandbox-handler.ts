import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { Artifact, CheckpointWords, RunLimits, RunReport, StepContext } from "../../runtime/index.ts";
import { capabilitiesOf } from "../domain/capabilities.ts";
import { parseCheckpoint } from "../domain/checkpoint.ts";
import type { GrantLimit } from "../domain/grants.ts";
import type { StepEventPayload } from "../domain/step-event.ts";
import type { LimitsInForce, LimitSetBy, StepRun } from "../domain/step-run.ts";
import type { StepEvent, StepEventHandler } from "../events/in-process-event-system.ts";
import type { LoadedComponent } from "../registry/component-store.ts";
import type { GrantsInForce } from "../registry/namespace-grants.ts";
import type { NamespaceSandboxes } from "./namespace-sandboxes.ts";

export interface SandboxHandlerDeps {
  readonly sandboxes: NamespaceSandboxes;
  /** The component with this digest as the namespace runs it, checked. Rejects where it cannot be had. */
  readonly load: (namespace: string, digest: string) => Promise<LoadedComponent>;
  /** What the namespace's handlers may import and use, now. */
  readonly grants: (namespace: string) => Promise<GrantsInForce>;
  /** Limits that no namespace has a say in. */
  readonly limits: Pick<RunLimits, "maxCallDepth" | "maxErrorBytes" | "maxHostCalls">;
  readonly clock: Clock;
}

/**
 * Subscribes the sandbox to step events: finds the component, holds it against what its namespace may import and use now,
 * builds the guest's view of the step, runs it.
 */
export function sandboxHandler(deps: SandboxHandlerDeps): StepEventHandler {
  return async (event: StepEvent): Promise<StepRun> => {
    const { payload, moduleDigest = "", onStarted } = event;
    const { namespace } = payload.task;
    const [component, sandbox, grants] = await Promise.all([
      deps.load(namespace, moduleDigest),
      deps.sandboxes.of(namespace),
      deps.grants(namespace),
    ]);
    const timeoutMs = Math.min(payload.step.timeoutMs, grants.limits.deadline_ms);
    const refused = notGranted(component.artifact, grants) ?? payloadExceeded(payload, grants);
    if (refused !== undefined) return refused;
    const report = await sandbox.run({
      artifact: component.artifact,
      sourceMap: component.sourceMap,
      onStarted,
      context: stepContext(payload, deps.clock.now(), timeoutMs),
      limits: {
        ...deps.limits,
        fuel: grants.limits.fuel,
        maxMemoryBytes: grants.limits.max_memory_bytes,
        maxResultBytes: grants.limits.max_result_bytes,
        maxLogBytes: grants.limits.max_log_bytes,
        timeoutMs,
      },
    });
    return { ...report, limits: limitsInForce(payload.step, grants, deps.limits) };
  };
}

function limitsInForce(
  { callable, timeoutMs }: StepEventPayload["step"],
  grants: GrantsInForce,
  { maxCallDepth }: SandboxHandlerDeps["limits"],
): LimitsInForce {
  return {
    callable,
    maxCallDepth,
    setBy: {
      fuel: limitSetBy(grants, "fuel"),
      memory: limitSetBy(grants, "max_memory_bytes"),
      deadline: timeoutMs <= grants.limits.deadline_ms ? "template" : limitSetBy(grants, "deadline_ms"),
      result: limitSetBy(grants, "max_result_bytes"),
      log: limitSetBy(grants, "max_log_bytes"),
    },
  };
}

function limitSetBy({ limits, stored }: GrantsInForce, name: GrantLimit): LimitSetBy {
  const granted = stored?.limits[name];
  if (granted === undefined) return "host";
  return granted === limits[name] ? "grants" : "ceiling";
}

/** A promotion asked the same; since then the grants may have become fewer, and this host may know other capabilities. */
function notGranted(
  { imports, manifest }: Artifact,
  { namespace, capabilities }: GrantsInForce,
): RunReport | undefined {
  const missing = capabilitiesOf(imports).filter((name) => !capabilities.includes(name));
  if (missing.length === 0) return undefined;
  return refusal("not_granted", "TSK_HANDLER_NOT_GRANTED", {
    message: `Handler "${manifest.name}" ${manifest.version} imports ${missing.map((name) => `"${name}"`).join(", ")}, which namespace "${namespace}" was not granted`,
    facts: { missing, granted: capabilities },
  });
}

function payloadExceeded({ task, sequence, step }: StepEventPayload, grants: GrantsInForce): RunReport | undefined {
  const { namespace, limits } = grants;
  const limit = limits.max_payload_bytes;
  const parts = [task.contextJson, step.inputsJson, step.configJson, step.checkpointJson ?? ""];
  const results = sequence.map(({ resultJson }) => resultJson);
  const bytes = [...parts, ...results].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= limit) return undefined;
  return refusal("payload_exceeded", "TSK_HANDLER_PAYLOAD_EXCEEDED", {
    message: `Handler would be given ${bytes} bytes: namespace "${namespace}" allows ${limit}`,
    facts: { bytes, limit_bytes: limit, set_by: limitSetBy(grants, "max_payload_bytes"), callable: step.callable },
  });
}

/** The step ends in error without having run: it would again, so it is not retried. */
function refusal(
  errorType: string,
  errorCode: "TSK_HANDLER_NOT_GRANTED" | "TSK_HANDLER_PAYLOAD_EXCEEDED",
  { message, facts }: { readonly message: string; readonly facts: Readonly<Record<string, unknown>> },
): RunReport {
  return {
    outcome: {
      kind: "failure",
      message,
      errorType,
      errorCode,
      retryable: false,
      contextJson: JSON.stringify(facts),
      attributes: [],
      backtrace: [],
    },
    usage: { fuelUsed: 0, peakMemoryBytes: 0, durationMs: 0 },
    logs: [],
  };
}

/** The guest's view of a step. `now` and the seed are fixed here: the guest has no other clock and no other chance. */
function stepContext({ task, sequence, step }: StepEventPayload, nowMs: number, timeoutMs: number): StepContext {
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
    deadlineMs: nowMs + timeoutMs,
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
