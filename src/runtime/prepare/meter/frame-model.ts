/**
 * How much of V8's stack a call is taken to need, in units of call depth. The model must not stay below what V8's
 * first compiler takes, or V8's own overflow (whose place no run can reproduce) would come before ours. Where the frames of
 * its optimising one are larger, the run is repeated without that (`process-sandbox.ts`).
 */
import { CALL_DEPTH_UNIT_BYTES, MAX_CALL_DEPTH } from "./fuel-word.ts";
import type { FunctionType } from "./function-type.ts";

/** Return address, frame pointer, instance, feedback, alignment: what every frame has. */
const FIXED_BYTES = 96;
/** A call that leaves the module may go through an entry stub, a wrapper and a function of the host. */
const LEAVING_BYTES = 512;
/** Of integers, beside the instance; there are more for floating point, and on arm64. Tried on x64: depth-shapes.ts of the tests. */
const ARGUMENT_REGISTERS = 5;
const RESULT_REGISTERS = 2;

export interface FrameShape {
  /** Parameters, again those of `stackArguments`, locals, the largest number of operands, and of exceptions in hand. */
  readonly slots: number;
  /** Vectors take two words: then each slot is taken to be one. */
  readonly vectors: boolean;
  /** The largest number of `outwardSlots` of an import that the function calls; 0 where it calls none. */
  readonly outward: number;
}

export function frameUnits({ slots, vectors, outward }: FrameShape): number {
  const bytes = FIXED_BYTES + (slots + outward) * (vectors ? 16 : 8) + (outward > 0 ? LEAVING_BYTES : 0);
  return Math.min(Math.ceil(bytes / CALL_DEPTH_UNIT_BYTES), MAX_CALL_DEPTH);
}

/**
 * Arguments that a call of a metered function has no registers for. V8 pushes them besides the operands that they are, and the
 * callee copies them once more. Counted with the callee: by a tail call they stay where the caller's frame goes.
 */
export function stackArguments(params: number): number {
  return Math.max(0, params + WORD - ARGUMENT_REGISTERS);
}

/** Operands that a call leaves behind: its results, and once more those that it has no registers for, which were pushed by the callee. */
export function resultSlots(results: number): number {
  return results + WORD + Math.max(0, results + WORD - RESULT_REGISTERS);
}

/**
 * What stands between two modules when one calls the other: the arguments pushed, and the frame of the function by which the other
 * gives its own away (`AddedFunctions.outward`). That has no depth of its own, and stays where its callee leaves by a tail call.
 */
export function outwardSlots({ params, results }: FunctionType): number {
  return 2 * params.count + Math.max(params.count + WORD, resultSlots(results.count));
}

/** The fuel word goes with each metered call and comes back with it. */
const WORD = 1;
