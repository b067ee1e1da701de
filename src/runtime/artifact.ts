import type { LinkPlan } from "./link-plan.ts";

/**
 * A component made ready to run: metered core modules and the plan that links them.
 *
 * Depends on the component's bytes, the fuel schedule and the preparer's version, on nothing else;
 * limits and grants come with the run. `encodeArtifact` gives the bytes that are stored, `decodeArtifact` checks them.
 */
export interface Artifact {
  /** Lower-case hex SHA-256 of the component's bytes: the component's identity everywhere. */
  readonly digest: string;
  /** Version of the code that prepared it; another version prepares again. */
  readonly preparerVersion: string;
  readonly fuelScheduleId: string;
  readonly manifest: Manifest;
  /** Every component-level import, used or not: `tasker:handler/log@1.0.0`, `wasi:io/streams@0.2.6`, … */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** Metered core modules, in the plan's order. */
  readonly modules: readonly Uint8Array<ArrayBuffer>[];
  readonly plan: LinkPlan;
  /** What `describe` cost: the component's first price. */
  readonly describeFuel: number;
}

/** What the component says of itself (`describe`), checked: names, version, callables. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly callables: readonly string[];
  readonly sdk: string;
}
