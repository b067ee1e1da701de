/**
 * Every NaN that arithmetic makes becomes the canonical one, right behind the instruction. WebAssembly leaves its bits
 * open: which operand's payload is handed on depends on the machine, and on some machines on V8's tier. A guest could read
 * them by `reinterpret`, by a store, or by the sign. Moves, loads, stores, selects and the bitwise abs, neg and copysign keep
 * the bits they get, so that values packed into NaNs survive.
 */
import type { BodyState } from "./body-state.ts";
import { writeLocal } from "./fuel-code.ts";
import { OP } from "./instruction.ts";

const NONE = 0;
const F32 = 1;
const F64 = 2;
type FloatKind = typeof NONE | typeof F32 | typeof F64;

const F32X4_EQ = 0x41;
const F64X2_EQ = 0x47;
const V128_CONST = 0x0c;
const V128_BITSELECT = 0x52;

const NAN_32 = [0x00, 0x00, 0xc0, 0x7f] as const;
const NAN_64 = [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x7f] as const;

const SCALAR = kinds([
  [0x8d, 0x97, F32], // ceil, floor, trunc, nearest, sqrt, add, sub, mul, div, min, max
  [0x9b, 0xa5, F64],
  [0xb6, 0xb6, F32], // demote
  [0xbb, 0xbb, F64], // promote
]);

const VECTOR = kinds([
  [0x5e, 0x5e, F32], // demote
  [0x5f, 0x5f, F64], // promote
  [0x67, 0x6a, F32], // ceil, floor, trunc, nearest
  [0x74, 0x75, F64],
  [0x7a, 0x7a, F64],
  [0x94, 0x94, F64],
  [0xe3, 0xe9, F32], // sqrt, add, sub, mul, div, min, max; pmin and pmax choose an operand and keep its bits
  [0xef, 0xf5, F64],
]);

/** What takes a float off the stack and does not tell one NaN from another: its own result is canonical, or no float. */
const INDIFFERENT = kinds([
  [0x5b, 0x66, F64], // comparisons
  [0x8d, 0x97, F64],
  [0x9b, 0xa5, F64],
  [0xa8, 0xab, F64], // trunc, which traps
  [0xae, 0xb1, F64],
  [0xb6, 0xb6, F64],
  [0xbb, 0xbb, F64],
]);

function kinds(rows: readonly (readonly [from: number, to: number, kind: FloatKind])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const [from, to, kind] of rows) table.fill(kind, from, to + 1);
  return table;
}

/** Behind a plain instruction. */
export function canonicalScalar(body: BodyState, opcode: number): void {
  const kind = SCALAR[opcode] ?? NONE;
  if (kind === NONE || body.dead || INDIFFERENT[body.cursor.peek() ?? 0] !== NONE) return;
  const local = body.floatLocal(kind === F32 ? "f32" : "f64");
  const code = body.behind();
  writeLocal(code, OP.localTee, local);
  if (kind === F32) code.raw(OP.f32Const, ...NAN_32);
  else code.raw(OP.f64Const, ...NAN_64);
  writeLocal(code, OP.localGet, local);
  writeLocal(code, OP.localGet, local);
  code.raw(kind === F32 ? OP.f32Eq : OP.f64Eq, OP.select);
  needsOperands(body);
}

/** Behind an instruction of vectors: lane by lane. */
export function canonicalVector(body: BodyState, opcode: number): void {
  const kind = VECTOR[opcode] ?? NONE;
  if (kind === NONE || body.dead) return;
  const local = body.floatLocal("v128");
  const code = body.behind();
  writeLocal(code, OP.localTee, local);
  code.raw(OP.vector, V128_CONST);
  if (kind === F32) code.raw(...NAN_32, ...NAN_32, ...NAN_32, ...NAN_32);
  else code.raw(...NAN_64, ...NAN_64);
  writeLocal(code, OP.localGet, local);
  writeLocal(code, OP.localGet, local);
  code.raw(OP.vector, kind === F32 ? F32X4_EQ : F64X2_EQ, OP.vector, V128_BITSELECT);
  needsOperands(body);
}

/** The value, the canonical one and two to compare: three more than the guest's own code has here. */
function needsOperands(body: BodyState): void {
  body.move(3);
  body.move(-3);
}
