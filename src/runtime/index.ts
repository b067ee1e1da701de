/** The only door into the runtime: component bytes + input → outcome. */
export type { Artifact, Manifest } from "./artifact.ts";
export { decodeArtifact } from "./artifact-codec.ts";
export { packArtifact as encodeArtifact } from "./artifact-container.ts";
export { createInlineSandbox } from "./inline-sandbox.ts";
export {
  MAX_CALL_DEPTH,
  MAX_ERROR_BYTES,
  MAX_FUEL,
  MAX_LOG_BYTES,
  MAX_RESULT_BYTES,
  MAX_SOURCE_MAP_BYTES,
  type PrepareLimits,
  type RunLimits,
} from "./limits.ts";
export type { GuestFailure, LogLine, Outcome, OutcomeKind, RunPhase, RunReport, RunUsage } from "./outcome.ts";
export { FUEL_SCHEDULE_ID, PREPARER_VERSION } from "./prepare/preparer-version.ts";
export { keepPreparersReady, prepareComponent } from "./prepare-component.ts";
export { createProcessSandbox, type ProcessSandboxOptions } from "./process-sandbox.ts";
export { readSourceMap, SOURCE_MAP_RULE } from "./read-source-map.ts";
export { requireCallDepth, type Wall, WALL_NAMES, wallsInForce } from "./process/walls.ts";
export type { RunRequest, Sandbox } from "./sandbox.ts";
export type { Attributes, CheckpointWords, StepContext } from "./step-context.ts";
