/** One construct of a function body that is open: the function itself, a block, loop, if, else, try, catch, try_table. */
export interface ControlFrame {
  kind: FrameKind;
  /** Operands below the construct and its parameters. */
  base: number;
  params: number;
  results: number;
  /** Which construct of the function this is, counted from 0 (the function). */
  ordinal: number;
  /** Something leads to its beginning. */
  live: boolean;
  /** How often it is taken to run for one call of the function. */
  weight: number;
  /** The joint of its label; −1 while nothing branches there. */
  joint: number;
  /** An if: the joint where its arms begin. */
  fork: number;
  /** Control reaches the end by another way than from the last instruction before it. */
  merged: boolean;
  /** A loop: something branches back to it. */
  looped: boolean;
  /** A catch clause of a try_table branches to its label. */
  caught: boolean;
  /** A loop: the insertion that checks. */
  insertion: number;
}

export const FRAME = { function: 0, block: 1, loop: 2, if: 3, else: 4, try: 5, catch: 6, tryTable: 7 } as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export function newFrame(): ControlFrame {
  return {
    kind: FRAME.block,
    base: 0,
    params: 0,
    results: 0,
    ordinal: 0,
    live: false,
    weight: 1,
    joint: -1,
    fork: -1,
    merged: false,
    looped: false,
    caught: false,
    insertion: -1,
  };
}
