/**
 * The one number that metered functions hand to each other: fuel left in the upper 48 bits (signed), call depth left in
 * the lower 16. Charging a block is one subtraction and running out is its sign; entering a function takes fuel and
 * depth in the same subtraction.
 */

/** Bits below the fuel. */
export const DEPTH_BITS = 16;

/** Largest fuel budget: 2^47 − 1, about 1.4e14 units. */
export const MAX_FUEL = 2 ** 47 - 1;

/** Largest call-depth budget; the bit above it tells that the depth ran out. */
export const MAX_CALL_DEPTH = 2 ** 15 - 1;

/** Bytes of V8's stack that one unit of call depth stands for. A frame of more bytes counts for several units. */
export const CALL_DEPTH_UNIT_BYTES = 256;

/** Largest frame that is admitted, in units of call depth: 64 KiB. The largest of real modules that we know take 20. */
export const MAX_FRAME_UNITS = 256;

const DEPTH_MASK = 0xffffn;
const DEPTH_RAN_OUT = 0x8000n;

/** What a run may cost, as the `fuel` global takes it. `fuel` 0 … `MAX_FUEL`, `callDepth` 0 … `MAX_CALL_DEPTH`, integers. */
export function packFuel(budget: { readonly fuel: number; readonly callDepth: number }): bigint {
  const { fuel, callDepth } = budget;
  if (!Number.isInteger(fuel) || fuel < 0 || fuel > MAX_FUEL) throw new RangeError(`fuel ${fuel}`);
  if (!Number.isInteger(callDepth) || callDepth < 0 || callDepth > MAX_CALL_DEPTH) {
    throw new RangeError(`callDepth ${callDepth}`);
  }
  return (BigInt(fuel) << BigInt(DEPTH_BITS)) | BigInt(callDepth);
}

/** The state behind a value of the `fuel` global. */
export interface FuelReading {
  /** Units left, never below 0. */
  readonly fuelLeft: number;
  /** Why the module stopped itself, if it did. */
  readonly stopped: "out-of-fuel" | "stack-exhausted" | undefined;
}

/**
 * Reads the `fuel` global after a run. After a trap of another kind it shows the fuel of the last point at which the
 * module wrote the global; see docs/fuel.md, "What a trapped run is charged".
 */
export function readFuel(value: bigint): FuelReading {
  const depthRanOut = (value & DEPTH_RAN_OUT) !== 0n;
  // A depth below zero has borrowed one unit from the fuel.
  const fuel = (value >> BigInt(DEPTH_BITS)) + (depthRanOut ? 1n : 0n);
  if (fuel < 0n) return { fuelLeft: 0, stopped: "out-of-fuel" };
  return { fuelLeft: Number(fuel), stopped: depthRanOut ? "stack-exhausted" : undefined };
}

/** Units of call depth that are left; below 0 none are. */
export function readCallDepth(value: bigint): number {
  return Number(BigInt.asIntN(DEPTH_BITS, value));
}

/** The `fuel` global after the host took `units` from it; the guest stops at its next check if too little was left. */
export function debitFuel(value: bigint, units: number): bigint {
  const left = (value >> BigInt(DEPTH_BITS)) - BigInt(units);
  return (left << BigInt(DEPTH_BITS)) | (value & DEPTH_MASK);
}

/** The `fuel` global of a run that is over: the guest stops at its next check, whatever it catches before. */
export function withoutFuel(value: bigint): bigint {
  return (-1n << BigInt(DEPTH_BITS)) | (value & DEPTH_MASK);
}

/** What the host itself has on the stack below a guest and above it. */
const HOST_STACK_BYTES = 65_536;

/**
 * Bytes of V8's stack (`--stack-size` is in KiB) that a run of this call depth needs so that its own limit comes first. V8 takes
 * a whole frame before the depth is looked at.
 */
export function stackBytesFor(callDepth: number): number {
  return (callDepth + MAX_FRAME_UNITS) * CALL_DEPTH_UNIT_BYTES + HOST_STACK_BYTES;
}
