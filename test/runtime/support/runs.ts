/** Requests and limits that a test changes one member of. */
import type { Artifact, PrepareLimits, RunLimits, RunRequest, StepContext } from "../../../src/runtime/index.ts";
import { describePrepared, prepare } from "../../../src/runtime/prepare/prepare.ts";
import { translate } from "../../../src/runtime/translate/translate.ts";

export const PREPARE_LIMITS: PrepareLimits = {
  maxComponentBytes: 33_554_432,
  timeoutMs: 30_000,
  maxResidentBytes: 1_073_741_824,
  describeFuel: 1_000_000_000,
  describeMemoryBytes: 134_217_728,
};

export const LIMITS: RunLimits = {
  fuel: 1_000_000_000,
  maxMemoryBytes: 16_777_216,
  maxCallDepth: 2_000,
  timeoutMs: 60_000,
  maxResultBytes: 1_048_576,
  maxErrorBytes: 65_536,
  maxLogBytes: 65_536,
  maxHostCalls: 1_000,
};

export const CONTEXT: StepContext = {
  taskUuid: "0198c2f0-0000-7000-8000-000000000001",
  stepUuid: "0198c2f0-0000-7000-8000-000000000002",
  correlationId: "0198c2f0-0000-7000-8000-000000000003",
  namespace: "default",
  taskName: "example",
  taskVersion: "1.0.0",
  stepName: "first",
  templateStepName: "first",
  callable: "test",
  attempt: 1,
  maxAttempts: 3,
  nowMs: 1_700_000_000_000,
  deadlineMs: 1_700_000_030_000,
  seed: "18446744073709551615",
  contextJson: '{"n":9007199254740993,"text":"ü 😀"}',
  inputsJson: "{}",
  configJson: "{}",
  dependencyResults: [],
  attributes: [],
};

export function request(
  artifact: Artifact,
  changes: { context?: Partial<StepContext>; limits?: Partial<RunLimits>; sourceMap?: string | undefined } = {},
): RunRequest {
  return {
    artifact,
    context: { ...CONTEXT, ...changes.context },
    limits: { ...LIMITS, ...changes.limits },
    sourceMap: changes.sourceMap,
  };
}

/** All stages of both disposable processes in this one: for components that the test itself made. */
export async function prepareHere(bytes: Uint8Array<ArrayBuffer>): Promise<Artifact> {
  const artifact = prepare(bytes, await translate(bytes, PREPARE_LIMITS.maxComponentBytes), PREPARE_LIMITS);
  const { manifest, fuel } = describePrepared(artifact, PREPARE_LIMITS);
  return { ...artifact, manifest, describeFuel: fuel };
}
