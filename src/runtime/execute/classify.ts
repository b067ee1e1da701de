/** From how a run ended to what is said of it: by phase and recorded state, never by the text of a message. */
import type { RunLimits } from "../limits.ts";
import type { Outcome, RunPhase, SaidOutcome } from "../outcome.ts";
import { bounded } from "../report-size.ts";
import { AbiError, AbiTooLarge } from "./canonical-abi/abi-error.ts";
import type { Stop } from "./run-state.ts";
import type { GuestRun } from "./guest-run.ts";
import {
  authorsFrames,
  type CompiledSource,
  framesOfAbort,
  framesOfStack,
  framesOfTrap,
  type SourceMap,
} from "./source-frames.ts";
import { outcomeOf } from "./values.ts";
import { unreachable } from "../unreachable.ts";

/** The attribute in which an SDK hands over its engine's stack text. It becomes the backtrace and is dropped. */
const STACK_ATTRIBUTE = "stack";

/**
 * The outcome of a run. The order is the rule: what the host recorded first, then the meter's flags, then what the guest
 * returned or threw. A refused growth can be survived: it counts where the guest trapped, or failed by an error that it threw.
 */
export function classify({ context, ending }: GuestRun, limits: RunLimits, source: CompiledSource): Outcome {
  const { state, meter } = context;
  if (ending.kind === "not-started") {
    return notStarted(ending.lacking, limits);
  }
  if (state.stop !== undefined) return stopped(state.stop, state.phase, limits, source);
  // The sign of the fuel word stands even if the guest went on to return: it must not gain by what it had no fuel for.
  if (meter.stopped === "out-of-fuel") {
    const error: unknown = ending.kind === "threw" ? ending.error : undefined;
    return { kind: "out-of-fuel", limit: limits.fuel, ...placeOf(error, source) };
  }
  if (ending.kind === "threw") return thrown(ending.error, { context, ending }, limits, source);
  try {
    const said = outcomeOf(ending.value);
    if (meter.growthRefused && isUncaught(said)) return { kind: "memory-exceeded", limit: limits.maxMemoryBytes };
    return bounded(withBacktrace(said, source.map), limits);
  } catch (error) {
    if (error instanceof AbiError) return { kind: "invalid-result", reason: error.message };
    throw error;
  }
}

function notStarted(lacking: "memory" | "fuel" | "addresses", limits: RunLimits): Outcome {
  switch (lacking) {
    case "memory":
      return { kind: "memory-exceeded", limit: limits.maxMemoryBytes };
    case "fuel":
      return { kind: "out-of-fuel", limit: limits.fuel };
    case "addresses":
      return { kind: "sandbox-lost", reason: "the process had no addresses left for a memory" };
    default:
      return unreachable(lacking);
  }
}

/**
 * A language runtime turns a refused growth into an exception of its own; where the handler lets it pass, the SDK reports a
 * failure with the engine's stack. Said to be retryable, it would only run into the same limit again.
 */
function isUncaught(said: SaidOutcome): boolean {
  return said.kind === "failure" && said.attributes.some(([name]) => name === STACK_ATTRIBUTE);
}

function stopped(stop: Stop, phase: RunPhase, limits: RunLimits, source: CompiledSource): Outcome {
  switch (stop.kind) {
    case "abort":
      return bounded(
        {
          kind: "failure",
          message: stop.message,
          errorType: "handler_error",
          retryable: true,
          contextJson: "{}",
          attributes: [],
          backtrace: framesOfAbort(stop, source),
        },
        limits,
      );
    case "exit":
      return { kind: "trap", phase, message: `the guest called exit with status ${stop.status}`, backtrace: [] };
    case "abi":
      return { kind: "trap", phase, message: `a host call broke the canonical ABI: ${stop.reason}`, backtrace: [] };
    case "output-exceeded":
    case "stack-exhausted":
    case "host-call-failed":
      return stop;
    default:
      return unreachable(stop);
  }
}

function thrown(error: unknown, { context }: GuestRun, limits: RunLimits, source: CompiledSource): Outcome {
  const { state, meter } = context;
  // The guest's recursion, in a start function too: memories, for which the host may lack room, were made before. No guest
  // catches it: V8 keeps the overflow of its stack from catch_all. First of all, as what went before may not have ended the run.
  if (error instanceof RangeError) return { kind: "stack-exhausted", engineStack: true };
  if (meter.stopped === "stack-exhausted") return { kind: "stack-exhausted", ...placeOf(error, source) };
  if (meter.growthRefused) {
    return { kind: "memory-exceeded", limit: limits.maxMemoryBytes, ...placeOf(error, source) };
  }
  if (error instanceof AbiTooLarge) {
    return { kind: "output-exceeded", what: "result", limit: limits.maxResultBytes };
  }
  // Before the guest's code runs, a lie of `cabi_realloc` is as much its result as what `handle` returns.
  if (error instanceof AbiError && state.phase !== "instantiate") {
    return { kind: "invalid-result", reason: error.message };
  }
  if (isGuests(error)) {
    return {
      kind: "trap",
      phase: state.phase,
      message: error instanceof Error ? error.message.slice(0, 1_000) : "an exception that nothing caught",
      backtrace: framesOfTrap(error.stack ?? "", source),
    };
  }
  throw error;
}

/** A LinkError is the guest's: what a start function did with a table or memory decides whether the next module can import it. */
function isGuests(error: unknown): error is WebAssembly.RuntimeError | WebAssembly.Exception | WebAssembly.LinkError {
  return (
    error instanceof WebAssembly.RuntimeError ||
    error instanceof WebAssembly.Exception ||
    error instanceof WebAssembly.LinkError
  );
}

/** Where in the author's code a limit stopped the guest; nothing where no map knows it, as with every interpreter. */
function placeOf(error: unknown, source: CompiledSource): { readonly backtrace?: readonly string[] } {
  const stack = error instanceof WebAssembly.RuntimeError ? (error.stack ?? "") : "";
  const backtrace = authorsFrames(stack, source);
  return backtrace.length === 0 ? {} : { backtrace };
}

function withBacktrace(outcome: SaidOutcome, map: SourceMap | undefined): SaidOutcome {
  if (outcome.kind !== "failure") return outcome;
  const stack = outcome.attributes.find(([name]) => name === STACK_ATTRIBUTE);
  if (stack === undefined) return outcome;
  return {
    ...outcome,
    attributes: outcome.attributes.filter(([name]) => name !== STACK_ATTRIBUTE),
    backtrace: framesOfStack(stack[1], map),
  };
}
