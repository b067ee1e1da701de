/** The instruction sequences that metering adds, each in one place. `word` is the local that holds the fuel word. */
import type { BranchHints } from "./branch-hints.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import { DEPTH_BITS } from "./fuel-word.ts";
import { OP } from "./instruction.ts";
import type { MeterIndices } from "./meter-indices.ts";

const UNIT = 2 ** DEPTH_BITS;
/** Bit 63: the fuel is below zero. Bit 15: the depth is. */
const STOPPED = -(2n ** 63n) + 2n ** 15n;
const FUEL_MASK = -UNIT;
const DEPTH_MASK = UNIT - 1;

export function writeLocal(code: ByteWriter, opcode: 0x20 | 0x21 | 0x22, index: number): void {
  code.byte(opcode);
  code.u32(index);
}

export function writeGlobal(code: ByteWriter, opcode: 0x23 | 0x24, index: number): void {
  code.byte(opcode);
  code.u32(index);
}

export function writeI64(code: ByteWriter, value: number): void {
  code.byte(OP.i64Const);
  code.signed(value);
}

/** Fuel to take, and units of call depth to give back. */
export interface Charge {
  readonly cost: number;
  readonly depth: number;
}

/** word −= cost, and `depth` given back */
export function writeCharge(code: ByteWriter, word: number, { cost, depth }: Charge): void {
  if (cost === 0 && depth === 0) return;
  writeLocal(code, OP.localGet, word);
  writeI64(code, cost * UNIT - depth);
  code.byte(OP.i64Sub);
  writeLocal(code, OP.localSet, word);
}

/** word −= cost, and `depth` given back; to `stop` if the fuel is below zero */
export function writeCheckedCharge(code: ByteWriter, word: number, { cost, depth }: Charge, stop: Stop): void {
  writeLocal(code, OP.localGet, word);
  if (cost !== 0 || depth !== 0) {
    writeI64(code, cost * UNIT - depth);
    code.byte(OP.i64Sub);
    writeLocal(code, OP.localTee, word);
  }
  writeFuelCheck(code, stop);
}

/** Takes a fuel word from the stack; to `stop` if its fuel is below zero. */
export function writeFuelCheck(code: ByteWriter, stop: Stop): void {
  writeI64(code, 0);
  code.byte(OP.i64LtS);
  writeStop(code, stop);
}

/** Takes a condition from the stack; to `stop` if it holds. */
export function writeStop(code: ByteWriter, { label, hints }: Stop): void {
  hints.mark(code.length);
  code.byte(OP.brIf);
  code.u32(label);
}

/** Where a run ends that may not go on. */
export interface Stop {
  /** The block that stops the run, as a branch here names it. */
  readonly label: number;
  readonly hints: BranchHints;
}

/** word −= cost and depth; leaves on the stack whether one of them is below zero */
export function writeEntryTest(code: ByteWriter, word: number, cost: number, depth: number): void {
  writeLocal(code, OP.localGet, word);
  writeI64(code, cost * UNIT + depth);
  code.byte(OP.i64Sub);
  writeLocal(code, OP.localTee, word);
  code.byte(OP.i64Const);
  code.s64(STOPPED);
  code.byte(OP.i64And);
  writeI64(code, 0);
  code.byte(OP.i64Ne);
}

/** Pushes the word with `depth` given back. */
export function writeReturnedWord(code: ByteWriter, word: number, depth: number): void {
  writeLocal(code, OP.localGet, word);
  if (depth === 0) return;
  writeI64(code, depth);
  code.byte(OP.i64Add);
}

/** The global takes the word: before anything that leaves the module or ends the run. */
export function writeSpill(code: ByteWriter, word: number, indices: MeterIndices): void {
  writeLocal(code, OP.localGet, word);
  writeGlobal(code, OP.globalSet, indices.fuel);
}

/** The word is what the global says: after a call that left the module. */
export function writeReload(code: ByteWriter, word: number, indices: MeterIndices): void {
  writeGlobal(code, OP.globalGet, indices.fuel);
  writeLocal(code, OP.localSet, word);
}

/**
 * The word has the global's fuel and this frame's depth, and the frames in between are paid for: where an exception
 * arrives. On any other way there the global has this frame's depth, and nothing happens.
 */
export function writeCatchReload(code: ByteWriter, word: number, depth: number, indices: MeterIndices): void {
  writeGlobal(code, OP.globalGet, indices.fuel);
  writeI64(code, FUEL_MASK);
  code.byte(OP.i64And);
  writeLocal(code, OP.localGet, depth);
  code.byte(OP.i64Or);
  writeLocal(code, OP.localGet, depth);
  writeGlobal(code, OP.globalGet, indices.fuel);
  writeI64(code, DEPTH_MASK);
  code.raw(OP.i64And, OP.i64Sub);
  writeI64(code, FUEL_SCHEDULE.unwindDepthUnit * UNIT);
  code.raw(OP.i64Mul, OP.i64Sub);
  writeLocal(code, OP.localSet, word);
}

/** Keeps this frame's depth for `writeCatchReload`. */
export function writeKeepDepth(code: ByteWriter, word: number, depth: number): void {
  writeLocal(code, OP.localGet, word);
  writeI64(code, DEPTH_MASK);
  code.byte(OP.i64And);
  writeLocal(code, OP.localSet, depth);
}

/**
 * word −= price of `length` (a local, i32, unsigned), leaves the word on the stack: `perUnit` of the length for one unit
 * (begun ones not counted), or `units` for each.
 */
export function writeLengthCharge(code: ByteWriter, word: number, length: number, price: LengthPrice): void {
  writeLocal(code, OP.localGet, word);
  writeLocal(code, OP.localGet, length);
  code.byte(OP.i64ExtendI32U);
  if (price.perUnit > 1) {
    writeI64(code, Math.log2(price.perUnit));
    code.byte(OP.i64ShrU);
  }
  writeI64(code, price.units * UNIT);
  code.byte(OP.i64Mul);
  code.byte(OP.i64Sub);
  writeLocal(code, OP.localTee, word);
}

/** `units` for every whole `perUnit` (a power of two) of a length. */
export interface LengthPrice {
  readonly units: number;
  readonly perUnit: number;
}
