import { describe, expect, it } from "vitest";
import { meterModule } from "../../../src/runtime/prepare/meter/index.ts";
import { wasm } from "./wasm-text.ts";

const EMPTY = 1_000;

/** What a module holds, and what instantiating it costs besides the module itself. */
const PRICED: readonly (readonly [name: string, fields: string, fuel: number])[] = [
  ["nothing", "", 0],
  ["functions and types", "(func) (func (param i32)) (func (param i32))", (3 + 2) * 8],
  ["types that nothing uses", "(type (func (param i32))) (type (func (param i64)))", 2 * 8],
  ["imports", `(import "a" "f" (func)) (import "a" "g" (global i32))`, 2 * 256 + 8],
  ["exports", `(func (export "a") (export "b"))`, 2 * 256 + 2 * 8],
  ["tags", "(tag) (tag)", 2 * 256 + 8],
  ["pages of memory", `(memory 3)`, 3 * 1024],
  ["imported memories: whoever defines them has paid", `(import "a" "m" (memory 3))`, 256],
  ["entries of tables", "(table 5 funcref) (table 2 externref)", 2 * 256 + 7 * 32],
  ["constant expressions", "(global i32 (i32.const 1)) (global i64 (i64.add (i64.const 1) (i64.const 2)))", 6 * 8],
  ["a table with an expression", "(func $f) (table 2 (ref func) (ref.func $f))", 256 + 2 * 32 + (2 + 2) * 8],
  [
    "active elements",
    "(table 4 funcref) (func $f) (elem (i32.const 0) func $f $f $f)",
    256 + (4 + 3) * 32 + (2 + 3) * 8,
  ],
  ["passive elements", "(func $f) (elem func $f $f $f)", 3 * 32 + 3 * 8],
  ["element segments without elements", "(elem func) (elem declare func)", 2 * 8],
  ["element expressions", "(elem funcref (ref.null func) (ref.null func))", 2 * 32 + (4 + 1) * 8],
  ["active data", `(memory 1) (data (i32.const 0) "${"x".repeat(83)}")`, 1024 + 10 + (2 + 1) * 8],
  ["passive data", `(memory 1) (data "${"x".repeat(83)}")`, 1024 + 8],
  ["data segments without data", `(data "") (data "")`, 2 * 8],
  ["a start function, which pays itself", "(func $s (loop)) (start $s)", 2 * 8],
];

describe("the price of an instantiation", () => {
  for (const [name, fields, fuel] of PRICED) {
    it(`counts ${name}`, async () => {
      expect(meterModule(await wasm(`(module ${fields})`)).instantiationFuel).toBe(EMPTY + fuel);
    });
  }
});
