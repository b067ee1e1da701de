/**
 * How much of V8's stack a call is taken to need, in units of call depth. The model must not stay below what V8's
 * compilers take, or V8's own overflow (whose place no run can reproduce) would come before ours.
 */
import { CALL_DEPTH_UNIT_BYTES, MAX_CALL_DEPTH } from "./fuel-word.ts";

/** Return address, frame pointer, instance, feedback, alignment: what every frame has. */
const FIXED_BYTES = 96;
/** A call that leaves the module may go through an entry stub, a wrapper and a function of the host. */
const LEAVING_BYTES = 512;

export interface FrameShape {
  /** Parameters, locals, the largest number of operands, and of exceptions in hand. */
  readonly slots: number;
  /** Vectors take two words: then each slot is taken to be one. */
  readonly vectors: boolean;
  /** The function calls an import. */
  readonly leavesModule: boolean;
}

export function frameUnits({ slots, vectors, leavesModule }: FrameShape): number {
  const bytes = FIXED_BYTES + slots * (vectors ? 16 : 8) + (leavesModule ? LEAVING_BYTES : 0);
  return Math.min(Math.ceil(bytes / CALL_DEPTH_UNIT_BYTES), MAX_CALL_DEPTH);
}
