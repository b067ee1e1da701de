import type { Service } from "../core/service.ts";
import type { Artifact } from "./artifact.ts";
import type { RunLimits } from "./limits.ts";
import type { RunReport } from "./outcome.ts";
import type { StepContext } from "./step-context.ts";

/** One step to run. */
export interface RunRequest {
  readonly artifact: Artifact;
  readonly context: StepContext;
  readonly limits: RunLimits;
  /** A source map (JSON, version 3) of the component's source; used for backtraces only. Hostile like the component itself. */
  readonly sourceMap?: string | undefined;
  /** Called once, when the handler begins. Where the run ends without it, no handler saw the step. */
  readonly onStarted?: (() => void) | undefined;
}

/**
 * Where the components of one namespace run. A namespace is a trust domain: two never share a sandbox.
 *
 * - `run` never rejects for what a guest did: that is an `Outcome`. It rejects with `TSK_SANDBOX_STOPPED` after `stop`, and
 *   with `TSK_SANDBOX_NOT_STARTED` where processes died twice before they came to the run.
 * - Each run meets a fresh instance; concurrent runs are queued and may go to several processes.
 * - A run that was sent but never started when its process died is sent again, at most once more. The one that was next when
 *   nothing had started is suspected and ends as `sandbox-lost`; its neighbours are not.
 * - `stop` waits for nothing: runs under way end as `sandbox-lost`, those that wait are rejected.
 */
export interface Sandbox extends Service {
  run(request: RunRequest): Promise<RunReport>;
  /** Runs under way and waiting. */
  readonly pending: number;
}
