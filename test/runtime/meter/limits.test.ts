import { describe, expect, it } from "vitest";
import { isTaskerError } from "../../../src/core/errors/index.ts";
import { meterModule, type MeterLimits } from "../../../src/runtime/prepare/meter/index.ts";
import { cpuMsOf } from "../support/cpu-ms.ts";
import { wasm, wasmByBinaryen } from "./wasm-text.ts";

function refusal(bytes: Uint8Array<ArrayBuffer>, limits: Partial<MeterLimits> = {}): string {
  try {
    meterModule(bytes, { limits });
    return "admitted";
  } catch (error) {
    if (isTaskerError(error)) return `${error.code}: ${error.found}`;
    throw error;
  }
}

describe("what this runtime does not run", () => {
  const unsupported: readonly (readonly [name: string, fields: string])[] = [
    ["shared memory", `(memory 1 1 shared)`],
    ["atomics", `(memory 1) (func (drop (i32.atomic.load (i32.const 0))))`],
    ["a fence", `(func (atomic.fence))`],
    ["memory64", `(memory i64 1)`],
    ["an imported memory64", `(import "m" "m" (memory i64 1))`],
    ["table64", `(table i64 1 funcref)`],
    ["relaxed SIMD", `(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))`],
    ["struct types", `(type (struct (field i32)))`],
    ["array types", `(type (array i32))`],
    ["recursive types", `(rec (type (func)) (type (func)))`],
    ["subtypes", `(type (sub (func)))`],
    ["GC references in a signature", `(func (param anyref))`],
    ["GC references in a local", `(func (local i31ref))`],
    ["GC references in a table", `(table 1 eqref)`],
    ["GC instructions", `(func (param externref) (drop (any.convert_extern (local.get 0))))`],
    ["casts of function references", `(func (param funcref) (drop (ref.test (ref func) (local.get 0))))`],
    ["GC in a constant expression", `(global i31ref (ref.i31 (i32.const 0)))`],
  ];
  for (const [name, fields] of unsupported) {
    it(`is refused by name: ${name}`, async () => {
      expect(refusal(await wasm(`(module ${fields})`))).toMatch(/^TSK_COMPONENT_UNSUPPORTED: /);
    });
  }

  it("is refused by V8 where V8 does not run it either: custom page sizes, stack switching", () => {
    expect(refusal(wasmByBinaryen(`(module (memory 1 (pagesize 1)))`))).toMatch(/^TSK_COMPONENT_INVALID: /);
    // (type (func)) (type (cont 0))
    const continuation = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 6, 2, 0x60, 0, 0, 0x5d, 0);
    expect(refusal(continuation)).toMatch(/^TSK_COMPONENT_(INVALID|UNSUPPORTED): /);
  });

  it("is refused where it is no module at all", () => {
    expect(refusal(new Uint8Array())).toMatch(/^TSK_COMPONENT_INVALID: /);
    expect(refusal(Uint8Array.from(Buffer.from("(module)")))).toMatch(/^TSK_COMPONENT_INVALID: /);
  });
});

describe("a cap", () => {
  const capped: readonly (readonly [limits: Partial<MeterLimits>, within: string, beyond: string])[] = [
    [{ maxFunctions: 2 }, `(import "m" "f" (func)) (func)`, `(import "m" "f" (func)) (func) (func)`],
    [{ maxTypes: 1 }, `(type (func))`, `(type (func)) (type (func (param i32)))`],
    [{ maxParams: 2 }, `(func (param i32 i32))`, `(func (param i32 i32 i32))`],
    [{ maxParams: 2 }, `(type (func (result i32 i32)))`, `(type (func (result i32 i32 i32)))`],
    [{ maxLocals: 3 }, `(func (param i32) (local i32 i64))`, `(func (param i32) (local i32 i64 i64))`],
    [{ maxGlobals: 1 }, `(global i32 (i32.const 0))`, `(import "m" "g" (global i32)) (global i32 (i32.const 0))`],
    [{ maxTables: 1 }, `(table 1 funcref)`, `(table 1 funcref) (table 1 funcref)`],
    [{ maxTableEntries: 5 }, `(table 5 funcref)`, `(table 3 funcref) (table 3 funcref)`],
    [{ maxMemories: 1 }, `(memory 1)`, `(import "m" "m" (memory 1)) (memory 1)`],
    [{ maxMemoryPages: 2 }, `(import "m" "m" (memory 9)) (memory 2)`, `(memory 1) (memory 2)`],
    [{ maxTags: 1 }, `(tag)`, `(tag) (tag)`],
    [{ maxImports: 1 }, `(import "m" "f" (func))`, `(import "m" "f" (func)) (import "m" "g" (func))`],
    [{ maxExports: 1 }, `(func (export "f"))`, `(func (export "f") (export "g"))`],
    [{ maxElementSegments: 1 }, `(elem func)`, `(elem func) (elem func)`],
    [{ maxElements: 2 }, `(func $f) (elem func $f $f)`, `(func $f) (elem func $f $f) (elem func $f)`],
    [{ maxDataSegments: 1 }, `(data "a")`, `(data "a") (data "b")`],
    [{ maxBranchTargets: 2 }, `(func (br_table 0 0 0 (i32.const 0)))`, `(func (br_table 0 0 0 0 (i32.const 0)))`],
    [{ maxNesting: 2 }, `(func (block (block)))`, `(func (block (block (block))))`],
    [{ maxBodyBytes: 6 }, `(func (drop (i32.const 1)) nop)`, `(func (drop (i32.const 1)) nop nop nop)`],
    [{ maxModuleBytes: 12 }, ``, `(func)`],
    [{ maxFrameUnits: 1 }, `(func (local i64 i64))`, `(func (local ${"i64 ".repeat(30)}))`],
    [
      { maxMergeWork: 4 },
      `(func ${"i64.const 1 ".repeat(4)} br 0)`,
      `(func ${"i64.const 1 ".repeat(2)} block end ${"i64.const 1 ".repeat(2)} br 0)`,
    ],
    [{ maxMergeWork: 4 }, `(func (local i32) (br 0))`, `(func (local i32 i32) (br 0) (br 0))`],
  ];
  for (const [limits, within, beyond] of capped) {
    const [[name, limit] = []] = Object.entries(limits);
    it(`admits what just fits ${name} = ${limit} and refuses ${beyond}`, async () => {
      expect(refusal(await wasm(`(module ${within})`), limits)).toBe("admitted");
      expect(refusal(await wasm(`(module ${beyond})`), limits)).toMatch(/^TSK_COMPONENT_TOO_LARGE: /);
    });
  }
});

describe("metering itself", () => {
  it("refuses a module that would grow out of proportion", async () => {
    const exported = Array.from({ length: 3_000 }, (_, index) => `(func (export "${index}") (type $wide))`).join("\n");
    const bytes = await wasm(`(module (type $wide (func (param ${"i32 ".repeat(400)}))) ${exported})`);
    expect(refusal(bytes)).toMatch(/^TSK_COMPONENT_TOO_LARGE: .* bytes of metered code/);
  });

  it("takes time in proportion to the module, however deep its blocks are and however long its br_tables", async () => {
    const deep = `${"block ".repeat(4_900)} ${"end ".repeat(4_900)}`;
    const wide = `${"block ".repeat(20)} ${`i32.const 0 br_table ${"0 ".repeat(9_000)} end `.repeat(20)}`;
    const bytes = await wasm(`(module (func ${deep}) (func ${wide}))`);
    expect(cpuMsOf(() => meterModule(bytes))).toBeLessThan(2_000);
  });

  it("keeps function names for backtraces and nothing else of the custom sections", async () => {
    const text = `(module (@custom "other" "x") (func $outer (export "f") (unreachable)) (func $inner))`;
    const { bytes } = meterModule(await wasm(text));
    expect(Buffer.from(bytes).includes("outer")).toBe(true);
    expect(Buffer.from(bytes).includes("other")).toBe(false);
  });

  it("does not mind a name section that lies about its size, nor a tag whose attribute is written long", () => {
    const preamble = "0061736d01000000";
    const type = "010401600000";
    const longTag = "0d050180800000";
    const names = "000a046e616d6501ff7f0000";
    const bytes = Uint8Array.from(Buffer.from(preamble + type + longTag + names, "hex"));
    expect(refusal(bytes)).toBe("admitted");
  });

  it("gives the same bytes for the same bytes", async () => {
    const bytes = await wasm(`(module (memory 1) (func $f (export "f") (call $f) (drop (memory.grow (i32.const 1)))))`);
    expect(meterModule(bytes)).toEqual(meterModule(bytes));
  });

  it("leaves a module alone that only links others", async () => {
    const { globals, memories } = meterModule(await wasm(`(module (import "a" "b" (global i32)))`));
    expect([globals, memories]).toEqual([[], []]);
  });
});
