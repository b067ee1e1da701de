/**
 * What one run may cost. Every limit holds per run; all are set anew for each step and none depends on the artifact.
 * Defaults stand in `config/base/sandbox.toml`.
 */
export interface RunLimits {
  /** Fuel units of the artifact's schedule, 1 … 2^53 − 1. Stops endless loops exactly and deterministically; does not bound wall-clock time. */
  readonly fuel: number;
  /** Bytes over all linear memories and tables of the instance. Growth beyond it fails in the guest. */
  readonly maxMemoryBytes: number;
  /** Frames of guest calls. Makes stack exhaustion deterministic. */
  readonly maxCallDepth: number;
  /** Wall clock from the moment the sandbox process says "started"; then the process is killed. */
  readonly timeoutMs: number;
  /** UTF-8 bytes of result + metadata, or of a checkpoint. */
  readonly maxResultBytes: number;
  /** UTF-8 bytes of a failure's message + context + attributes. */
  readonly maxErrorBytes: number;
  /** UTF-8 bytes over all log lines. */
  readonly maxLogBytes: number;
  /** Calls of host functions of any kind. */
  readonly maxHostCalls: number;
}

/** What an uploaded component may cost before it has run. */
export interface PrepareLimits {
  readonly maxComponentBytes: number;
  /** Wall clock of each of the two processes. */
  readonly timeoutMs: number;
  /** Resident memory of each of the two processes. */
  readonly maxResidentBytes: number;
  /** Fuel of the one `describe` call. */
  readonly describeFuel: number;
  /** Memory of the instance that answers `describe`. */
  readonly describeMemoryBytes: number;
}
