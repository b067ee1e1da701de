import type { Attributes, CheckpointWords } from "./step-context.ts";

/**
 * How a run ended. Exactly one of these, decided by the phase the run was in and the state it left behind
 * (fuel, memory refusals, recorded host calls), never by the text of a message.
 *
 * The first three are what the guest said; the rest is what it did. None is an exception of the host.
 */
export type Outcome =
  | {
      readonly kind: "success";
      readonly resultJson: string;
      readonly metadataJson: string;
      readonly attributes: Attributes;
    }
  | GuestFailure
  | ({ readonly kind: "checkpoint-yield" } & CheckpointWords)
  /** For the limits `backtrace` is where compiled code was when it hit them; absent where no map knows the place. */
  | { readonly kind: "out-of-fuel"; readonly limit: number; readonly backtrace?: readonly string[] | undefined }
  | { readonly kind: "memory-exceeded"; readonly limit: number; readonly backtrace?: readonly string[] | undefined }
  /** `engineStack`: V8's own stack ended before the limit did. Only inside a sandbox, which then runs the step once more. */
  | {
      readonly kind: "stack-exhausted";
      readonly engineStack?: true | undefined;
      readonly backtrace?: readonly string[] | undefined;
    }
  /** `message` is the engine's and for people only; `backtrace` is source-mapped where a map is known. */
  | { readonly kind: "trap"; readonly phase: RunPhase; readonly message: string; readonly backtrace: readonly string[] }
  | { readonly kind: "timeout"; readonly limitMs: number }
  /** The value that `handle` returned breaks the canonical ABI or the contract (pointer out of range, bad text, not JSON). */
  | { readonly kind: "invalid-result"; readonly reason: string }
  | {
      readonly kind: "output-exceeded";
      readonly what: "result" | "log" | "error" | "host-calls";
      readonly limit: number;
    }
  | { readonly kind: "host-call-failed"; readonly capability: string; readonly message: string }
  /** The process died or was lost before it could answer; says nothing about the guest unless it repeats. */
  | { readonly kind: "sandbox-lost"; readonly reason: string };

/** What the guest itself said, in its own words and of its own size. */
export type SaidOutcome = Extract<Outcome, { kind: "success" | "failure" | "checkpoint-yield" }>;

export function isSaid(outcome: Outcome): outcome is SaidOutcome {
  return outcome.kind === "success" || outcome.kind === "failure" || outcome.kind === "checkpoint-yield";
}

/** A failure that the guest reported: returned, thrown in its language, or through `abort`. */
export interface GuestFailure {
  readonly kind: "failure";
  readonly message: string;
  readonly errorType: string;
  readonly errorCode?: string | undefined;
  readonly retryable: boolean;
  readonly statusCode?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly contextJson: string;
  readonly attributes: Attributes;
  /** Frames, innermost first, `function (file:line:column)`, source-mapped where a map is known. */
  readonly backtrace: readonly string[];
}

/** Where a run was: before the guest's code, in it, or reading what it returned. */
export type RunPhase = "instantiate" | "lower" | "call" | "lift" | "post-return";

export type OutcomeKind = Outcome["kind"];

/** One line of a step's log. */
export interface LogLine {
  readonly level: "trace" | "debug" | "info" | "warn" | "error";
  readonly message: string;
  /** A JSON object as text, or empty. */
  readonly fieldsJson: string;
}

/** What a run cost. Zeroes where the run never started. */
export interface RunUsage {
  /** Units of the artifact's fuel schedule; the whole budget for out-of-fuel. */
  readonly fuelUsed: number;
  /** Sum over all linear memories and tables of the instance at its end. */
  readonly peakMemoryBytes: number;
  /** Wall-clock time from "started" to the outcome. */
  readonly durationMs: number;
}

/** All that is known after a run. */
export interface RunReport {
  readonly outcome: Outcome;
  readonly usage: RunUsage;
  readonly logs: readonly LogLine[];
}
