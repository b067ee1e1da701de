import { describe, expect, it } from "vitest";
import {
  EXCEPTION_BYTES,
  EXCEPTION_VALUE_BYTES,
  MAX_FUEL,
  PAGE_BYTES,
  TABLE_ENTRY_BYTES,
} from "../../../src/runtime/prepare/meter/index.ts";
import { instantiateMetered } from "./metered-instance.ts";
import { wasm } from "./wasm-text.ts";

describe("growth", () => {
  it("of a memory is debited, and refused when the bytes are not there", async () => {
    const run = instantiateMetered(
      await wasm(`(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`),
      { bytes: 3 * PAGE_BYTES },
    );
    expect(run.call("grow", 2)).toBe(1);
    expect(run.budgets["bytes-left"].value).toBe(BigInt(PAGE_BYTES));
    expect(run.call("grow", 2)).toBe(-1);
    expect(run.budgets["growth-refused"].value).toBe(1);
    expect(run.budgets["bytes-left"].value).toBe(BigInt(PAGE_BYTES));
    expect(run.call("grow", 1)).toBe(3);
    expect(run.call("grow", 0)).toBe(4);
    expect(run.budgets["bytes-left"].value).toBe(0n);
  });

  it("of a table is debited, and refused when the bytes are not there", async () => {
    const run = instantiateMetered(
      await wasm(`(module (table 1 funcref)
        (func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))`),
      { bytes: 3 * TABLE_ENTRY_BYTES },
    );
    expect(run.call("grow", 2)).toBe(1);
    expect(run.call("grow", 2)).toBe(-1);
    expect(run.budgets["growth-refused"].value).toBe(1);
    expect(run.call("grow", 1)).toBe(3);
    expect(run.budgets["bytes-left"].value).toBe(0n);
  });

  it("of memories and tables of all modules comes out of one budget", async () => {
    const first = instantiateMetered(
      await wasm(`(module (memory (export "m") 1) (memory 1) (table 1 externref)
        (func (export "m0") (result i32) (memory.grow 0 (i32.const 1)))
        (func (export "m1") (result i32) (memory.grow 1 (i32.const 1)))
        (func (export "t") (result i32) (table.grow (ref.null extern) (i32.const 2048))))`),
      { bytes: 4 * PAGE_BYTES - 1 },
    );
    const memory = first.exports["m"];
    if (!(memory instanceof WebAssembly.Memory)) throw new Error("no memory");
    const second = instantiateMetered(
      await wasm(
        `(module (import "first" "m" (memory 1)) (func (export "m0") (result i32) (memory.grow (i32.const 1))))`,
      ),
      { budgets: first.budgets, imports: { first: { m: memory } } },
    );
    expect([first.call("m0"), second.call("m0"), first.call("m1")]).toEqual([1, 2, 1]);
    expect([first.call("t"), second.call("m0"), first.call("m1")]).toEqual([-1, -1, -1]);
  });

  it("beyond a module's own maximum fails without being recorded as refused", async () => {
    const run = instantiateMetered(
      await wasm(`(module (memory 1 2) (table 1 2 funcref)
        (func (export "m") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "t") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))`),
      { fuel: MAX_FUEL },
    );
    expect([run.call("m", 2), run.call("m", -1), run.call("t", 2), run.call("t", -1)]).toEqual([-1, -1, -1, -1]);
    expect(run.budgets["growth-refused"].value).toBe(0);
    expect([run.call("m", 1), run.call("t", 1)]).toEqual([1, 1]);
  });

  it("that the supplied memory's smaller maximum stops is recorded as refused", async () => {
    const bytes = await wasm(
      `(module (memory (export "m") 1) (func (export "grow") (result i32) (memory.grow (i32.const 2))))`,
    );
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
    const run = instantiateMetered(bytes, { memories: { memory0: memory } });
    expect(run.call("grow")).toBe(-1);
    expect(run.budgets["growth-refused"].value).toBe(1);
  });

  it("reports what a module has at instantiation, and what it imports instead of defining", async () => {
    const run = instantiateMetered(
      await wasm(
        `(module (import "host" "m" (memory 5)) (memory 3 9) (memory 2) (table 10 funcref) (table 4 7 externref))`,
      ),
      { imports: { host: { m: new WebAssembly.Memory({ initial: 5 }) } } },
    );
    expect(run.metered.memories).toEqual([
      { importName: "memory0", minPages: 3, maxPages: 9 },
      { importName: "memory1", minPages: 2 },
    ]);
    expect(run.metered.tables).toEqual([{ minEntries: 10 }, { minEntries: 4, maxEntries: 7 }]);
    expect(run.metered.initialBytes).toBe(5 * PAGE_BYTES + 14 * TABLE_ENTRY_BYTES);
  });
});

describe("exceptions", () => {
  it("that hold each other in a chain use up the byte budget, not the host's heap", async () => {
    const run = instantiateMetered(
      await wasm(`(module
        (tag $e (param exnref i64 i64))
        (global $chain (mut exnref) (ref.null exn))
        (func (export "f")
          (loop $again
            (block $h (result exnref)
              (try_table (catch_all_ref $h) (throw $e (global.get $chain) (i64.const 1) (i64.const 2)))
              unreachable)
            (global.set $chain)
            (br $again))))`),
      { bytes: 1_000_000 },
    );
    expect(run.call("f")).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(run.budgets["growth-refused"].value).toBe(1);
    expect(run.stopped()).toBeUndefined();
    const each = EXCEPTION_BYTES + 3 * EXCEPTION_VALUE_BYTES;
    expect(run.budgets["bytes-left"].value).toBe(BigInt(1_000_000 % each));
  });
});

describe("growth of what another module defines", () => {
  it("is not refused by us where that module's own maximum is smaller than the one that is imported", async () => {
    const bytes = await wasm(`(module
      (import "m" "t" (table 1 funcref)) (import "m" "m" (memory 1))
      (func (export "table") (result i32) (table.grow 0 (ref.null func) (i32.const 5)))
      (func (export "memory") (result i32) (memory.grow (i32.const 5))))`);
    const t = new WebAssembly.Table({ element: "anyfunc", initial: 1, maximum: 2 });
    const m = new WebAssembly.Memory({ initial: 1, maximum: 2 });
    const run = instantiateMetered(bytes, { imports: { m: { t, m } } });
    expect([run.call("table"), run.call("memory")]).toEqual([-1, -1]);
    expect(run.budgets["growth-refused"].value).toBe(0);
  });
});
