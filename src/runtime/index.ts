/** The only door into the runtime: component bytes + input → outcome. */
export type { Artifact, Manifest } from "./artifact.ts";
export type { PrepareLimits, RunLimits } from "./limits.ts";
export type { GuestFailure, LogLine, Outcome, OutcomeKind, RunPhase, RunReport, RunUsage } from "./outcome.ts";
export type { RunRequest, Sandbox } from "./sandbox.ts";
export type { Attributes, CheckpointWords, StepContext } from "./step-context.ts";
