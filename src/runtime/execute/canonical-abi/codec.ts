/**
 * Lifting and lowering of values, compiled once from a type. The rules are those of the component model's canonical ABI.
 *
 * Values: records and tuples are arrays in the order of their fields; variants, options and results are
 * `{ case, value }` (option: 0 none, 1 some; result: 0 ok, 1 error); enums and flags are numbers; s64 and u64 are bigints;
 * a char is its code point; `list<u8>` is bytes; handles are numbers that only the handle table can read.
 */
import type { ValueType } from "../../component/value-type.ts";
import { FUEL_SCHEDULE } from "../../prepare/meter/index.ts";
import { AbiError } from "./abi-error.ts";
import { type AbiMemory, toPointer } from "./abi-memory.ts";
import { unreachable } from "../../unreachable.ts";

export type AbiValue = boolean | number | bigint | string | Uint8Array<ArrayBuffer> | AbiVariant | readonly AbiValue[];

export interface AbiVariant {
  readonly case: number;
  readonly value: AbiValue | undefined;
}

export type FlatType = "i32" | "i64" | "f32" | "f64";
export type FlatValue = number | bigint;

/** One value type, ready to move. `load` and `store` go by memory, `lift` and `lower` by core parameters and results. */
export interface Codec {
  readonly size: number;
  readonly align: number;
  readonly flat: readonly FlatType[];
  /** How many values one of this type is at most, itself included; those in lists are counted where the lists are. */
  readonly values: number;
  load(memory: AbiMemory, pointer: number): AbiValue;
  store(memory: AbiMemory, value: AbiValue, pointer: number): void;
  lift(memory: AbiMemory, from: FlatReader): AbiValue;
  lower(memory: AbiMemory, value: AbiValue, into: FlatValue[]): void;
}

/** Core values in order. They come through a JavaScript call, so their types are checked here. */
export class FlatReader {
  readonly #values: readonly unknown[];
  #at = 0;

  constructor(values: readonly unknown[]) {
    this.#values = values;
  }

  number(): number {
    const value = this.#values[this.#at];
    this.#at += 1;
    if (typeof value !== "number") throw new AbiError("a core value of another type than the component says");
    return value;
  }

  bigint(): bigint {
    const value = this.#values[this.#at];
    this.#at += 1;
    if (typeof value !== "bigint") throw new AbiError("a core value of another type than the component says");
    return value;
  }

  next(type: FlatType): FlatValue {
    return type === "i64" ? this.bigint() : this.number();
  }
}

/** The codec of a type. Types are bounded in size where they come from (`resolve-types.ts`). */
export function codecOf(type: ValueType): Codec {
  switch (type.kind) {
    case "bool":
      return integer(
        1,
        "i32",
        (raw) => raw !== 0n,
        (value) => (value === true ? 1n : 0n),
      );
    case "u8":
      return number(1, false);
    case "s8":
      return number(1, true);
    case "u16":
      return number(2, false);
    case "s16":
      return number(2, true);
    case "u32":
      return number(4, false);
    case "s32":
      return number(4, true);
    case "u64":
      return integer(
        8,
        "i64",
        (raw) => raw,
        (value) => BigInt.asUintN(64, asBigint(value)),
      );
    case "s64":
      return integer(
        8,
        "i64",
        (raw) => BigInt.asIntN(64, raw),
        (value) => BigInt.asUintN(64, asBigint(value)),
      );
    case "f32":
    case "f64":
      return float(type.kind);
    case "char":
      return integer(
        4,
        "i32",
        (raw) => scalarValue(Number(raw)),
        (value) => BigInt(asNumber(value)),
      );
    case "string":
      return textCodec;
    case "list":
      return type.element.kind === "u8" ? bytesCodec : listCodec(codecOf(type.element));
    case "record":
      return productCodec(type.fields.map(([, field]) => codecOf(field)));
    case "tuple":
      return productCodec(type.items.map(codecOf));
    case "variant":
      return sumCodec(type.cases.map(([, of]) => (of === undefined ? undefined : codecOf(of))));
    case "option":
      return sumCodec([undefined, codecOf(type.some)]);
    case "result":
      return sumCodec([type.ok, type.error].map((of) => (of === undefined ? undefined : codecOf(of))));
    case "enum": {
      const cases = type.labels.length;
      return integer(
        discriminantSize(cases),
        "i32",
        (raw) => discriminant(Number(raw), cases),
        (value) => BigInt(asNumber(value)),
      );
    }
    case "flags": {
      const mask = type.labels.length === 32 ? 0xffffffff : 2 ** type.labels.length - 1;
      const size = type.labels.length <= 8 ? 1 : type.labels.length <= 16 ? 2 : 4;
      return integer(
        size,
        "i32",
        (raw) => (Number(raw) & mask) >>> 0,
        (value) => BigInt(asNumber(value)),
      );
    }
    case "own":
    case "borrow":
      return number(4, false);
    default:
      return unreachable(type);
  }
}

/** An integer of `size` bytes; `raw` is its unsigned value. */
function integer(
  size: 1 | 2 | 4 | 8,
  flat: "i32" | "i64",
  read: (raw: bigint) => AbiValue,
  write: (value: AbiValue) => bigint,
): Codec {
  return {
    size,
    align: size,
    flat: [flat],
    values: 1,
    load: (memory, pointer) => read(loadUnsigned(memory, pointer, size)),
    store: (memory, value, pointer) => storeUnsigned(memory, pointer, size, write(value)),
    lift: (_, from) => read(flat === "i64" ? BigInt.asUintN(64, from.bigint()) : BigInt(from.number() >>> 0)),
    lower: (_, value, into) => {
      const raw = write(value);
      into.push(flat === "i64" ? BigInt.asIntN(64, raw) : Number(raw) | 0);
    },
  };
}

function loadUnsigned(memory: AbiMemory, pointer: number, size: 1 | 2 | 4 | 8): bigint {
  const view = memory.at(pointer, size, size);
  switch (size) {
    case 1:
      return BigInt(view.getUint8(pointer));
    case 2:
      return BigInt(view.getUint16(pointer, true));
    case 4:
      return BigInt(view.getUint32(pointer, true));
    case 8:
      return view.getBigUint64(pointer, true);
    default:
      return unreachable(size);
  }
}

function storeUnsigned(memory: AbiMemory, pointer: number, size: 1 | 2 | 4 | 8, value: bigint): void {
  const view = memory.at(pointer, size, size);
  switch (size) {
    case 1:
      view.setUint8(pointer, Number(value));
      return;
    case 2:
      view.setUint16(pointer, Number(value), true);
      return;
    case 4:
      view.setUint32(pointer, Number(value), true);
      return;
    case 8:
      view.setBigUint64(pointer, value, true);
  }
}

/** Integers of up to 32 bits, apart from `integer` because most fields are such: no bigint on the way. */
function number(size: 1 | 2 | 4, signed: boolean): Codec {
  const shift = 32 - size * 8;
  const narrow = (value: number): number => (signed ? (value << shift) >> shift : (value << shift) >>> shift);
  return {
    size,
    align: size,
    flat: ["i32"],
    values: 1,
    load: (memory, pointer) => {
      const view = memory.at(pointer, size, size);
      if (size === 1) return narrow(view.getUint8(pointer));
      return narrow(size === 2 ? view.getUint16(pointer, true) : view.getUint32(pointer, true));
    },
    store: (memory, value, pointer) => {
      const view = memory.at(pointer, size, size);
      const raw = asNumber(value);
      if (size === 1) view.setUint8(pointer, raw);
      else if (size === 2) view.setUint16(pointer, raw, true);
      else view.setUint32(pointer, raw, true);
    },
    lift: (_, from) => narrow(from.number()),
    lower: (_, value, into) => void into.push(asNumber(value) | 0),
  };
}

/** Every NaN becomes the canonical one: its bits differ between machines and would be a leak of nondeterminism. */
function canonical(value: number): number {
  return Number.isNaN(value) ? Number.NaN : value;
}

function float(kind: "f32" | "f64"): Codec {
  const size = kind === "f32" ? 4 : 8;
  return {
    size,
    align: size,
    flat: [kind],
    values: 1,
    load: (memory, pointer) => {
      const view = memory.at(pointer, size, size);
      return canonical(kind === "f32" ? view.getFloat32(pointer, true) : view.getFloat64(pointer, true));
    },
    store: (memory, value, pointer) => {
      const view = memory.at(pointer, size, size);
      const raw = canonical(asNumber(value));
      if (kind === "f32") view.setFloat32(pointer, raw, true);
      else view.setFloat64(pointer, raw, true);
    },
    lift: (_, from) => canonical(from.number()),
    lower: (_, value, into) => void into.push(canonical(asNumber(value))),
  };
}

/** Texts, bytes and lists share the shape pointer + length. */
function pointed(
  read: (memory: AbiMemory, pointer: number, units: number) => AbiValue,
  write: (memory: AbiMemory, value: AbiValue) => { readonly pointer: number; readonly units: number },
): Codec {
  return {
    size: 8,
    align: 4,
    flat: ["i32", "i32"],
    values: 1,
    load: (memory, pointer) => {
      const view = memory.at(pointer, 8, 4);
      return read(memory, view.getUint32(pointer, true), view.getUint32(pointer + 4, true));
    },
    store: (memory, value, pointer) => {
      const placed = write(memory, value);
      const view = memory.at(pointer, 8, 4);
      view.setUint32(pointer, placed.pointer, true);
      view.setUint32(pointer + 4, placed.units, true);
    },
    lift: (memory, from) => read(memory, toPointer(from.number()), toPointer(from.number())),
    lower: (memory, value, into) => {
      const placed = write(memory, value);
      into.push(placed.pointer | 0, placed.units | 0);
    },
  };
}

const textCodec = pointed(
  (memory, pointer, units) => memory.readText(pointer, units),
  (memory, value) => memory.writeText(asText(value)),
);

const bytesCodec = pointed(
  (memory, pointer, units) => memory.readBytes(pointer, units),
  (memory, value) => memory.writeBytes(asBytes(value)),
);

/** A value that the host makes or takes apart is worth as many bytes that it copies. */
const VALUE_BYTES = FUEL_SCHEDULE.hostValue / FUEL_SCHEDULE.hostByte;

function listCodec(element: Codec): Codec {
  const valueBytes = element.values * VALUE_BYTES;
  return pointed(
    (memory, pointer, units) => {
      memory.spend(units * (element.size + valueBytes));
      if (units > 0) memory.at(pointer, units * element.size, element.align);
      const values: AbiValue[] = [];
      for (let index = 0; index < units; index += 1) values.push(element.load(memory, pointer + index * element.size));
      return values;
    },
    (memory, value) => {
      const values = asArray(value);
      if (values.length === 0) return { pointer: element.align, units: 0 };
      const pointer = memory.allocate(values.length * element.size, element.align);
      memory.count(values.length * valueBytes);
      values.forEach((item, index) => element.store(memory, item, pointer + index * element.size));
      return { pointer, units: values.length };
    },
  );
}

function alignTo(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}

function productCodec(fields: readonly Codec[]): Codec {
  const offsets: number[] = [];
  let end = 0;
  for (const field of fields) {
    const offset = alignTo(end, field.align);
    offsets.push(offset);
    end = offset + field.size;
  }
  const align = Math.max(1, ...fields.map((field) => field.align));
  return {
    size: alignTo(end, align),
    align,
    flat: fields.flatMap((field) => field.flat),
    values: fields.reduce((sum, field) => sum + field.values, 1),
    load: (memory, pointer) => fields.map((field, index) => field.load(memory, pointer + (offsets[index] ?? 0))),
    store: (memory, value, pointer) => {
      const values = asArray(value);
      fields.forEach((field, index) => field.store(memory, member(values, index), pointer + (offsets[index] ?? 0)));
    },
    lift: (memory, from) => fields.map((field) => field.lift(memory, from)),
    lower: (memory, value, into) => {
      const values = asArray(value);
      fields.forEach((field, index) => field.lower(memory, member(values, index), into));
    },
  };
}

function discriminantSize(cases: number): 1 | 2 | 4 {
  if (cases <= 0x100) return 1;
  return cases <= 0x10000 ? 2 : 4;
}

function discriminant(value: number, cases: number): number {
  if (value >= cases) throw new AbiError(`discriminant ${value} where there are ${cases} cases`);
  return value;
}

function sumCodec(cases: readonly (Codec | undefined)[]): Codec {
  const tag = number(discriminantSize(cases.length), false);
  const payloadAlign = Math.max(1, ...cases.map((of) => of?.align ?? 1));
  const payloadOffset = alignTo(tag.size, payloadAlign);
  const align = Math.max(tag.align, payloadAlign);
  const joined = joinFlat(cases);
  return {
    size: alignTo(payloadOffset + Math.max(0, ...cases.map((of) => of?.size ?? 0)), align),
    align,
    flat: ["i32", ...joined],
    values: 1 + Math.max(0, ...cases.map((of) => of?.values ?? 0)),
    load: (memory, pointer) => {
      const index = discriminant(asNumber(tag.load(memory, pointer)), cases.length);
      return { case: index, value: cases[index]?.load(memory, pointer + payloadOffset) };
    },
    store: (memory, value, pointer) => {
      const chosen = asVariant(value, cases.length);
      tag.store(memory, chosen.case, pointer);
      cases[chosen.case]?.store(memory, payloadOf(chosen), pointer + payloadOffset);
    },
    lift: (memory, from) => {
      const index = discriminant(from.number() >>> 0, cases.length);
      // All joined values are taken, also those that this case has no use for.
      const raw = joined.map((type) => from.next(type));
      const of = cases[index];
      if (of === undefined) return { case: index, value: undefined };
      const own = of.flat.map((type, slot) => narrowFlat(raw[slot] ?? 0, joined[slot] ?? "i32", type));
      return { case: index, value: of.lift(memory, new FlatReader(own)) };
    },
    lower: (memory, value, into) => {
      const chosen = asVariant(value, cases.length);
      const of = cases[chosen.case];
      const own: FlatValue[] = [];
      of?.lower(memory, payloadOf(chosen), own);
      into.push(chosen.case);
      joined.forEach((type, slot) => {
        const from = of?.flat[slot];
        into.push(from === undefined ? zeroOf(type) : widenFlat(own[slot] ?? 0, from, type));
      });
    },
  };
}

function joinFlat(cases: readonly (Codec | undefined)[]): FlatType[] {
  const joined: FlatType[] = [];
  for (const of of cases) {
    of?.flat.forEach((type, slot) => {
      const other = joined[slot];
      if (other === undefined || other === type) joined[slot] = type;
      else joined[slot] = other !== "i64" && other !== "f64" && type !== "i64" && type !== "f64" ? "i32" : "i64";
    });
  }
  return joined;
}

function zeroOf(type: FlatType): FlatValue {
  return type === "i64" ? 0n : 0;
}

const scratch = new DataView(new ArrayBuffer(8));

function bitsOf(value: FlatValue, type: FlatType): bigint {
  switch (type) {
    case "i32":
      return BigInt(Number(value) >>> 0);
    case "i64":
      return BigInt.asUintN(64, BigInt(value));
    case "f32":
      scratch.setFloat32(0, Number(value));
      return BigInt(scratch.getUint32(0));
    case "f64":
      scratch.setFloat64(0, Number(value));
      return scratch.getBigUint64(0);
    default:
      return unreachable(type);
  }
}

function fromBits(bits: bigint, type: FlatType): FlatValue {
  switch (type) {
    case "i32":
      return Number(BigInt.asIntN(32, bits));
    case "i64":
      return BigInt.asIntN(64, bits);
    case "f32":
      scratch.setUint32(0, Number(BigInt.asUintN(32, bits)));
      return scratch.getFloat32(0);
    case "f64":
      scratch.setBigUint64(0, bits);
      return scratch.getFloat64(0);
    default:
      return unreachable(type);
  }
}

function widenFlat(value: FlatValue, from: FlatType, to: FlatType): FlatValue {
  return from === to ? value : fromBits(bitsOf(value, from), to);
}

function narrowFlat(value: FlatValue, from: FlatType, to: FlatType): FlatValue {
  return from === to ? value : fromBits(bitsOf(value, from), to);
}

function scalarValue(code: number): number {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    throw new AbiError(`0x${code.toString(16)} is no character`);
  }
  return code;
}

// A value of another shape than its type is the host's own mistake, as the guest's bytes always come through a codec.

function asNumber(value: AbiValue): number {
  if (typeof value !== "number") throw new TypeError("a number is needed here");
  return value;
}

function asBigint(value: AbiValue): bigint {
  if (typeof value !== "bigint") throw new TypeError("a bigint is needed here");
  return value;
}

function asText(value: AbiValue): string {
  if (typeof value !== "string") throw new TypeError("a text is needed here");
  return value;
}

function asBytes(value: AbiValue): Uint8Array<ArrayBuffer> {
  if (!(value instanceof Uint8Array)) throw new TypeError("bytes are needed here");
  return value;
}

function asArray(value: AbiValue): readonly AbiValue[] {
  if (!Array.isArray(value)) throw new TypeError("an array is needed here");
  return value;
}

function asVariant(value: AbiValue, cases: number): AbiVariant {
  if (typeof value !== "object" || !("case" in value) || !(value.case < cases)) {
    throw new TypeError("a case is needed here");
  }
  return value;
}

function payloadOf(chosen: AbiVariant): AbiValue {
  if (chosen.value === undefined) throw new TypeError("this case needs a value");
  return chosen.value;
}

function member(values: readonly AbiValue[], index: number): AbiValue {
  const value = values[index];
  if (value === undefined) throw new TypeError(`member ${index} is missing`);
  return value;
}
