import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type FunctionType,
  PRIMITIVE_TYPES,
  typeText,
  type ValueType,
} from "../../../src/runtime/component/value-type.ts";
import { AbiError, AbiTooLarge } from "../../../src/runtime/execute/canonical-abi/abi-error.ts";
import { AbiMemory } from "../../../src/runtime/execute/canonical-abi/abi-memory.ts";
import {
  type AbiValue,
  codecOf,
  FlatReader,
  type FlatValue,
} from "../../../src/runtime/execute/canonical-abi/codec.ts";
import { functionCodec } from "../../../src/runtime/execute/canonical-abi/function-codec.ts";
import { DESCRIBE, HANDLE, HANDLER_INTERFACES } from "../../../src/runtime/world/handler-world.ts";
import { WASI_INTERFACES } from "../../../src/runtime/world/wasi.ts";

const MEGABYTE = 1_048_576;

/** A memory and an allocator as a well-behaved guest has them. */
function setup(encoding: "utf8" | "utf16", budget = 16 * MEGABYTE): AbiMemory {
  const memory = new WebAssembly.Memory({ initial: 1 });
  let next = 8;
  const realloc = (_old: number, _oldSize: number, align: number, size: number): number => {
    const pointer = Math.ceil(next / align) * align;
    next = pointer + size;
    const missing = next - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
    return pointer;
  };
  return new AbiMemory({ encoding, memory, realloc }, budget);
}

/** Types of every shape, a few levels deep, without handles. */
const { type: anyType } = fc.letrec<{ type: ValueType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 4, depthSize: "small", withCrossShrink: true },
    fc.constantFrom(...PRIMITIVE_TYPES).map((kind): ValueType => ({ kind })),
    tie("type").map((element): ValueType => ({ kind: "list", element })),
    tie("type").map((some): ValueType => ({ kind: "option", some })),
    fc.array(tie("type"), { minLength: 1, maxLength: 4 }).map((items): ValueType => ({ kind: "tuple", items })),
    fc
      .array(tie("type"), { minLength: 1, maxLength: 4 })
      .map((types): ValueType => ({ kind: "record", fields: types.map((type, index) => [`f${index}`, type]) })),
    fc
      .array(fc.option(tie("type"), { nil: undefined }), { minLength: 1, maxLength: 4 })
      .map((types): ValueType => ({ kind: "variant", cases: types.map((type, index) => [`c${index}`, type]) })),
    fc
      .tuple(fc.option(tie("type"), { nil: undefined }), fc.option(tie("type"), { nil: undefined }))
      .map(([ok, error]): ValueType => ({ kind: "result", ok, error })),
    fc.integer({ min: 1, max: 300 }).map((count): ValueType => ({ kind: "enum", labels: labels(count) })),
    fc.integer({ min: 1, max: 32 }).map((count): ValueType => ({ kind: "flags", labels: labels(count) })),
  ),
}));

function labels(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `l${index}`);
}

function valueOf(type: ValueType): fc.Arbitrary<AbiValue> {
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "s8":
      return fc.integer({ min: -128, max: 127 });
    case "u8":
      return fc.integer({ min: 0, max: 255 });
    case "s16":
      return fc.integer({ min: -32_768, max: 32_767 });
    case "u16":
      return fc.integer({ min: 0, max: 65_535 });
    case "s32":
      return fc.integer();
    case "u32":
      return fc.integer({ min: 0, max: 0xffff_ffff });
    case "s64":
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case "u64":
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case "f32":
      return fc.float();
    case "f64":
      return fc.double();
    case "char":
      return fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).map((text) => text.codePointAt(0) ?? 0);
    case "string":
      return fc.string({ unit: "binary" });
    case "list":
      return type.element.kind === "u8"
        ? fc.uint8Array().map((bytes) => Uint8Array.from(bytes))
        : fc.array(valueOf(type.element), { maxLength: 4 });
    case "tuple":
      return fc.tuple(...type.items.map(valueOf));
    case "record":
      return fc.tuple(...type.fields.map(([, field]) => valueOf(field)));
    case "variant":
      return sum(type.cases.map(([, of]) => of));
    case "option":
      return sum([undefined, type.some]);
    case "result":
      return sum([type.ok, type.error]);
    case "enum":
      return fc.nat(type.labels.length - 1);
    case "flags":
      return fc.integer({ min: 0, max: 2 ** type.labels.length - 1 });
    case "own":
    case "borrow":
      return fc.nat();
    default:
      throw new TypeError("no such type");
  }
}

function sum(cases: readonly (ValueType | undefined)[]): fc.Arbitrary<AbiValue> {
  return fc.oneof(
    ...cases.map((of, index) =>
      of === undefined
        ? fc.constant({ case: index, value: undefined })
        : valueOf(of).map((value) => ({ case: index, value })),
    ),
  );
}

const typed = anyType.chain((type) => fc.tuple(fc.constant(type), valueOf(type), fc.constantFrom("utf8", "utf16")));

describe("codecs", () => {
  it("give back from memory what they put there", () => {
    fc.assert(
      fc.property(typed, ([type, value, encoding]) => {
        const codec = codecOf(type);
        const memory = setup(encoding);
        const pointer = memory.allocate(codec.size, codec.align);
        codec.store(memory, value, pointer);
        expect(codec.load(memory, pointer)).toEqual(value);
      }),
      { numRuns: 1_000 },
    );
  });

  it("give back from core values what they lowered to them", () => {
    fc.assert(
      fc.property(typed, ([type, value, encoding]) => {
        const codec = codecOf(type);
        const memory = setup(encoding);
        const flat: FlatValue[] = [];
        codec.lower(memory, value, flat);
        expect(flat).toHaveLength(codec.flat.length);
        flat.forEach((core, index) => expect(typeof core).toBe(codec.flat[index] === "i64" ? "bigint" : "number"));
        expect(codec.lift(memory, new FlatReader(flat))).toEqual(value);
      }),
      { numRuns: 1_000 },
    );
  });

  it("move parameters and results of functions both ways, flat or by pointer", () => {
    const params = fc.array(anyType, { maxLength: 6 });
    fc.assert(
      fc.property(
        params.chain((types) => fc.tuple(fc.constant(types), fc.tuple(...types.map(valueOf)))),
        typed,
        ([types, values], [resultType, result, encoding]) => {
          const codec = functionCodec({ params: types.map((type, at) => [`p${at}`, type]), result: resultType });
          const memory = setup(encoding);
          expect(codec.liftParams(memory, codec.lowerParams(memory, values))).toEqual(values);
          const area = memory.allocate(codecOf(resultType).size, 8);
          const args = [...codec.lowerParams(memory, values), area];
          const returned = codec.lowerResult(memory, result, args);
          expect(codec.liftResult(memory, returned ?? area)).toEqual(result);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(worldFunctions())("move what %s takes and gives both ways", (_, type) => {
    const resultType = type.result ?? { kind: "bool" };
    fc.assert(
      fc.property(
        fc.tuple(...type.params.map(([, of]) => valueOf(of))),
        valueOf(resultType),
        fc.constantFrom("utf8", "utf16"),
        (values, result, encoding) => {
          const codec = functionCodec({ params: type.params, result: resultType });
          const memory = setup(encoding);
          expect(codec.liftParams(memory, codec.lowerParams(memory, values))).toEqual(values);
          const area = memory.allocate(codecOf(resultType).size, 8);
          const returned = codec.lowerResult(memory, result, [...codec.lowerParams(memory, values), area]);
          expect(codec.liftResult(memory, returned ?? area)).toEqual(result);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("answer any bytes in a guest's memory with a value or an AbiError, nothing else", () => {
    fc.assert(
      fc.property(anyType, fc.uint8Array({ minLength: 64, maxLength: 64 }), (type, bytes) => {
        const memory = new WebAssembly.Memory({ initial: 1 });
        new Uint8Array(memory.buffer).set(bytes);
        const abi = new AbiMemory({ encoding: "utf8", memory, realloc: undefined }, 100_000);
        expect([typeText(type), answers(() => codecOf(type).load(abi, 0))]).toEqual([typeText(type), true]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("count what one pointer named a thousand times costs", () => {
    const memory = setup("utf8", 10_000);
    const codec = codecOf({ kind: "list", element: { kind: "string" } });
    const text = memory.writeText("x".repeat(100));
    const pointer = memory.allocate(8_000, 4);
    const view = memory.at(pointer, 8_000, 4);
    for (let at = 0; at < 1_000; at += 1) {
      view.setUint32(pointer + at * 8, text.pointer, true);
      view.setUint32(pointer + at * 8 + 4, text.units, true);
    }
    expect(() => codec.lift(memory, new FlatReader([pointer, 1_000]))).toThrow(AbiTooLarge);
  });

  it("make one NaN of all", () => {
    const memory = setup("utf8");
    const pointer = memory.allocate(8, 8);
    memory.at(pointer, 8, 8).setBigUint64(pointer, 0x7ff8_0000_dead_beefn, true);
    const codec = codecOf({ kind: "f64" });
    const value = codec.load(memory, pointer);
    codec.store(memory, value, pointer);
    expect(memory.at(pointer, 8, 8).getBigUint64(pointer, true)).toBe(0x7ff8_0000_0000_0000n);
  });
});

/** Every function that crosses the boundary of a component: what it exports, and what it may import. */
function worldFunctions(): readonly (readonly [string, FunctionType])[] {
  const imported = Object.entries<Readonly<Record<string, FunctionType>>>({
    ...HANDLER_INTERFACES,
    ...WASI_INTERFACES,
  });
  return [
    ["describe", DESCRIBE],
    ["handle", HANDLE],
    ...imported.flatMap(([name, functions]) =>
      Object.entries(functions).map(([own, type]): [string, FunctionType] => [`${name}#${own}`, type]),
    ),
  ];
}

/** True where the act ends, or ends in an error that tells of the guest. */
function answers(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    return error instanceof AbiError || error instanceof AbiTooLarge;
  }
}
