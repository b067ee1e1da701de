export { MAX_CALL_DEPTH, MAX_FUEL } from "./prepare/meter/index.ts";

/** Largest `maxResultBytes`: a report has to fit into one frame of 32 MiB. */
export const MAX_RESULT_BYTES = 16_777_216;
/** Largest `maxErrorBytes`. Errors and log lines are escaped in the frame's head, up to six times as long. */
export const MAX_ERROR_BYTES = 1_048_576;
/** Largest `maxLogBytes`. */
export const MAX_LOG_BYTES = 1_048_576;

/**
 * What one run may cost. Every limit holds per run; all are set anew for each step and none depends on the artifact.
 * Defaults stand in `config/base/sandbox.toml`.
 */
export interface RunLimits {
  /** Fuel units of the artifact's schedule, 1 … `MAX_FUEL` (2^47 − 1). Stops endless loops exactly and deterministically; does not bound wall-clock time. */
  readonly fuel: number;
  /** Bytes over all linear memories and tables of the instance. Growth beyond it fails in the guest. */
  readonly maxMemoryBytes: number;
  /** Units of guest stack, 0 … `MAX_CALL_DEPTH`; a frame of up to 256 bytes counts one. Makes stack exhaustion deterministic. */
  readonly maxCallDepth: number;
  /** Wall clock from the moment the sandbox process says "started"; then the process is killed. */
  readonly timeoutMs: number;
  /** UTF-8 bytes of result + metadata + attributes, or of a checkpoint; at most `MAX_RESULT_BYTES`. */
  readonly maxResultBytes: number;
  /** UTF-8 bytes of all texts of a failure, or of what `abort` was given; at most `MAX_ERROR_BYTES`. */
  readonly maxErrorBytes: number;
  /** UTF-8 bytes over all log lines, 16 more for each line; at most `MAX_LOG_BYTES`. */
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

/** Longer source maps explain nothing. Parsing one is host CPU outside fuel: about 40 ms for 8 MB. */
export const MAX_SOURCE_MAP_CHARS = 8_388_608;
