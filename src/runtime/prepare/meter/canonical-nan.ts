/**
 * Every NaN that arithmetic makes becomes the canonical one before anybody can tell (`float-flow.ts`). WebAssembly leaves its bits
 * open: which operand's payload is handed on depends on the machine, and on some machines on V8's tier. A guest could read
 * them by `reinterpret`, by a store, or by the sign. Moves, loads, stores, selects and the bitwise abs, neg and copysign keep
 * the bits they get, so that values packed into NaNs survive.
 */
import type { BodyState } from "./body-state.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { writeLocal } from "./fuel-code.ts";
import { INSERT } from "./insertions.ts";
import { OP } from "./instruction.ts";

const NONE = 0;
const F32 = 1;
const F64 = 2;

const F32X4_EQ = 0x41;
const F64X2_EQ = 0x47;
const V128_CONST = 0x0c;
const V128_BITSELECT = 0x52;

const NAN_32 = [0x00, 0x00, 0xc0, 0x7f] as const;
const NAN_64 = [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x7f] as const;

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

function kinds(rows: readonly (readonly [from: number, to: number, kind: number])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const [from, to, kind] of rows) table.fill(kind, from, to + 1);
  return table;
}

/** What an instruction without a prefix has to do with scalar floats. */
const ROLE = {
  none: 0,
  /** Takes floats and does not tell one NaN from another. */
  indifferent: 1,
  /** The same, and leaves a float whose bits are open if it is a NaN. */
  arithmetic32: 2,
  arithmetic64: 3,
  /** Leaves a float that is no NaN. */
  number: 4,
  /** A constant, which may be one. */
  constant: 5,
  /** Takes a float as it is. */
  bits: 6,
} as const;

const ROLES = kinds([
  [0x1b, 0x1b, ROLE.bits], // select
  [0x38, 0x39, ROLE.bits], // stores
  [0x43, 0x44, ROLE.constant],
  [0x5b, 0x66, ROLE.indifferent], // comparisons
  [0x8b, 0x98, ROLE.bits], // abs, neg, copysign
  [0x8d, 0x97, ROLE.arithmetic32], // ceil, floor, trunc, nearest, sqrt, add, sub, mul, div, min, max
  [0x99, 0xa6, ROLE.bits],
  [0x9b, 0xa5, ROLE.arithmetic64],
  [0xa8, 0xab, ROLE.indifferent], // trunc, which traps
  [0xae, 0xb1, ROLE.indifferent],
  [0xb2, 0xb5, ROLE.number], // conversions from integers
  [0xb7, 0xba, ROLE.number],
  [0xb6, 0xb6, ROLE.arithmetic32], // demote
  [0xbb, 0xbb, ROLE.arithmetic64], // promote
  [0xbc, 0xbd, ROLE.bits], // reinterpret
]);

/** Behind a plain instruction: what became of floats. */
export function followFloats(body: BodyState, opcode: number): void {
  const role = ROLES[opcode] ?? ROLE.none;
  if (role === ROLE.none || body.dead) return;
  const { floats } = body;
  switch (role) {
    case ROLE.indifferent:
      return floats.consume(body);
    case ROLE.arithmetic32:
      floats.consume(body);
      return floats.produce(body, INSERT.canonical32);
    case ROLE.arithmetic64:
      floats.consume(body);
      return floats.produce(body, INSERT.canonical64);
    case ROLE.number:
      return floats.produceNumber(body);
    case ROLE.constant:
      return isNan(body, opcode) ? undefined : floats.produceNumber(body);
    default:
      return floats.look(body);
  }
}

/** Of a constant that the cursor has just passed. */
function isNan({ cursor, start }: BodyState, opcode: number): boolean {
  const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + start + 1);
  return Number.isNaN(opcode === OP.f32Const ? view.getFloat32(0, true) : view.getFloat64(0, true));
}

/** Makes the scalar float on the stack canonical if it is a NaN. */
export function writeCanonical(body: BodyState, kind: number, out: ByteWriter): void {
  const isShort = kind === INSERT.canonical32;
  const local = body.floatLocal(isShort ? "f32" : "f64");
  writeLocal(out, OP.localTee, local);
  if (isShort) out.raw(OP.f32Const, ...NAN_32);
  else out.raw(OP.f64Const, ...NAN_64);
  writeLocal(out, OP.localGet, local);
  writeLocal(out, OP.localGet, local);
  out.raw(isShort ? OP.f32Eq : OP.f64Eq, OP.select);
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
  // The value, the canonical one and two to compare: three more than the guest's own code has here.
  body.needOperands(body.height + 3);
}
