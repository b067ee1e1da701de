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
  /** Metered core modules, by the numbers that the plan uses. */
  readonly modules: readonly PreparedModule[];
  readonly plan: LinkPlan;
  /** What `describe` cost: the component's first price. */
  readonly describeFuel: number;
}

/** A metered core module and what it expects of its host besides its own imports. */
export interface PreparedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Memories that the module defined before metering and imports now, so that the host recycles them. */
  readonly memories: readonly PreparedMemory[];
  /** Bytes that its memories and tables count at the start of a run. */
  readonly initialBytes: number;
  /** What one instantiation of it costs, its start function apart. */
  readonly instantiationFuel: number;
}

export interface PreparedMemory {
  /** Field name in the meter's import namespace. */
  readonly importName: string;
  readonly minPages: number;
  /** Undefined where the module declares no maximum. */
  readonly maxPages?: number | undefined;
}

/** What the component says of itself (`describe`), checked: names, version, callables. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly callables: readonly string[];
  readonly sdk: string;
}
