import { describe, expect, it } from "vitest";
import { isTaskerError } from "../../../src/core/errors/index.ts";
import { debitFuel, meterModule } from "../../../src/runtime/prepare/meter/index.ts";
import { instantiateMetered, type MeteredRun } from "./metered-instance.ts";
import { wasm, wasmByBinaryen } from "./wasm-text.ts";

function refusal(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    meterModule(bytes);
    return undefined;
  } catch (error) {
    if (isTaskerError(error)) return error.code;
    throw error;
  }
}

/** A million units are used up in a millisecond or so; a loop that is not counted would never end. */
const BUDGET = { fuel: 1_000_000, callDepth: 2_000 } as const;

/** How a call of "f" ended. */
function outcome(run: MeteredRun): unknown {
  const result = run.call("f");
  return { trapped: result instanceof WebAssembly.RuntimeError, stopped: run.stopped(), fuelUsed: run.fuelUsed() };
}

const OUT_OF_FUEL = { trapped: true, stopped: "out-of-fuel", fuelUsed: BUDGET.fuel };

describe("naming what metering adds", () => {
  for (const [what, field] of [
    ["the fuel global", `(import "tasker:meter" "fuel" (global (mut i64)))`],
    ["a function of that namespace", `(import "tasker:meter" "refill" (func))`],
    ["a memory of that namespace", `(import "tasker:meter" "memory0" (memory 1))`],
    ["a versioned namespace", `(import "tasker:meter@1.0.0" "fuel" (global (mut i64)))`],
  ] as const) {
    it(`as an import is refused: ${what}`, async () => {
      expect(refusal(await wasm(`(module ${field})`))).toBe("TSK_COMPONENT_RESERVED_IMPORT");
    });
  }

  it("as a local out of range is refused: the original is validated, not only the result", () => {
    // (func (param i32) i64.const 1000000 local.set 1): after metering, local 1 is the fuel word.
    const bytes = Uint8Array.from(
      Buffer.from("0061736d01000000 01050160017f00 03020100 0a0a01080042c0843d21010b".replaceAll(" ", ""), "hex"),
    );
    expect(refusal(bytes)).toBe("TSK_COMPONENT_INVALID");
  });

  it("as a global out of range is refused", () => {
    // (func i64.const 0 global.set 0) in a module without globals.
    const bytes = Uint8Array.from(
      Buffer.from("0061736d01000000 010401600000 03020100 0a08010600420024000b".replaceAll(" ", ""), "hex"),
    );
    expect(refusal(bytes)).toBe("TSK_COMPONENT_INVALID");
  });

  it("as a parameter of a type that looks like a metered one does not match", async () => {
    const run = instantiateMetered(
      await wasm(`(module
        (type $refill (func (param i64) (result i64)))
        (table funcref (elem $g))
        (func $g)
        (func (export "f") (drop (call_indirect (type $refill) (i64.const 0x7fffffffffff0000) (i32.const 0)))))`),
    );
    expect(String(run.call("f"))).toContain("signature mismatch");
  });
});

describe("endless work", () => {
  const endless: readonly (readonly [name: string, fields: string])[] = [
    ["a loop", `(func (export "f") (loop (br 0)))`],
    ["a loop closed by br_table", `(func (export "f") (loop (br_table 0 0 (i32.const 5))))`],
    [
      "a loop behind a return that is never taken",
      `(func (export "f") (loop (if (i32.const 0) (then return)) (br 0)))`,
    ],
    [
      "a loop that branches over the function label's block",
      `(func (export "f") (loop (br_if 1 (i32.const 0)) (br 0)))`,
    ],
    ["a tail call of itself", `(func $f (export "f") (return_call $f))`],
    [
      "a tail call through a table",
      `(table funcref (elem $f)) (func $f (export "f") (return_call_indirect (i32.const 0)))`,
    ],
    [
      "a tail call through a reference",
      `(type $t (func)) (elem declare func $f) (func $f (export "f") (type $t) (return_call_ref $t (ref.func $f)))`,
    ],
    [
      "two tail calls in turn, with different parameters",
      `(func $a (param i32) (return_call $b (local.get 0) (i64.const 1)))
       (func $b (param i32 i64) (return_call $a (local.get 0)))
       (func (export "f") (call $a (i32.const 1)))`,
    ],
    [
      "calls that double at every level",
      `(func $g (param i32)
         (if (local.get 0) (then
           (call $g (i32.sub (local.get 0) (i32.const 1)))
           (call $g (i32.sub (local.get 0) (i32.const 1))))))
       (func (export "f") (call $g (i32.const 60)))`,
    ],
    [
      "an exception caught at a loop header",
      `(tag $e) (func (export "f") (loop $l (try_table (catch $e $l) (throw $e))))`,
    ],
    [
      "an exception out of a call, caught at a loop header",
      `(tag $e) (func $g (throw $e)) (func (export "f") (loop $l (try_table (catch_all $l) (call $g))))`,
    ],
    [
      "long fills",
      `(memory 1) (func (export "f") (loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br 0)))`,
    ],
    [
      "one fill of four gigabytes",
      `(memory 1) (func (export "f") (memory.fill (i32.const 0) (i32.const 0) (i32.const -1)))`,
    ],
    [
      "one table.copy of four billion entries",
      `(table 1 funcref) (func (export "f") (table.copy (i32.const 0) (i32.const 0) (i32.const -1)))`,
    ],
    ["growth by nothing", `(memory 1) (func (export "f") (loop (drop (memory.grow (i32.const 0))) (br 0)))`],
    ["growth by everything", `(memory 1) (func (export "f") (loop (drop (memory.grow (i32.const -1))) (br 0)))`],
    [
      "a long way without loops: functions that call four others each",
      `${Array.from({ length: 12 }, (_, level) => `(func $g${level} ${`(call $g${level + 1})`.repeat(4)})`).join("\n")}
       (func $g12 ${"(drop (i32.const 1))".repeat(100)})
       (func (export "f") (call $g0))`,
    ],
    [
      "a function without calls that is long enough to count",
      `(func $g ${"(drop (i32.const 1))".repeat(2000)}) (func (export "f") ${"(call $g)".repeat(600)})`,
    ],
  ];
  for (const [name, fields] of endless) {
    it(`is stopped: ${name}`, async () => {
      expect(outcome(instantiateMetered(await wasm(`(module ${fields})`), BUDGET))).toEqual(OUT_OF_FUEL);
    });
  }

  it("is stopped: a start function that loops", async () => {
    const bytes = await wasm(`(module (func $s (loop (br 0))) (start $s))`);
    expect(() => instantiateMetered(bytes, BUDGET)).toThrow(WebAssembly.RuntimeError);
  });

  it("is stopped: two modules that call each other in tail position", async () => {
    const table = new WebAssembly.Table({ element: "anyfunc", initial: 1 });
    const imports = { env: { table } };
    const first = instantiateMetered(
      await wasm(`(module (import "env" "table" (table 1 funcref))
        (func (export "f") (return_call_indirect (i32.const 0))))`),
      { ...BUDGET, imports },
    );
    // The table holds a thunk for the import: each round leaves a frame of it behind, and that is counted.
    instantiateMetered(
      await wasm(`(module (import "env" "table" (table 1 funcref)) (import "first" "f" (func $f))
        (elem (i32.const 0) $f))`),
      { budgets: first.budgets, imports: { ...imports, first: first.exports } },
    );
    expect(first.call("f")).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(first.stopped()).toBe("stack-exhausted");
  });
});

describe("swallowing the stop", () => {
  it("fails with catch_all of try_table", async () => {
    const run = instantiateMetered(
      await wasm(`(module
          (func $g (loop (br 0)))
          (func (export "f") (loop $again (block $h (try_table (catch_all $h) (call $g))) (br $again))))`),
      BUDGET,
    );
    expect(outcome(run)).toEqual(OUT_OF_FUEL);
  });

  it("fails with catch_all of the older try", () => {
    const run = instantiateMetered(
      wasmByBinaryen(`(module
          (func $g (loop $l (br $l)))
          (func (export "f") (loop $again (try (do (call $g)) (catch_all)) (br $again))))`),
      BUDGET,
    );
    expect(outcome(run)).toEqual(OUT_OF_FUEL);
  });

  it("fails when the depth ran out", async () => {
    const run = instantiateMetered(
      await wasm(`(module
        (func $g (call $g))
        (func (export "f") (loop $again (block $h (try_table (catch_all $h) (call $g))) (br $again))))`),
      BUDGET,
    );
    expect(run.call("f")).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(run.stopped()).toBe("stack-exhausted");
  });
});

describe("losing count", () => {
  it("does not happen at the function label: br, br_if, br_table and return pay what they did", async () => {
    // 80,000 units in a loop that is left by a branch to the function label.
    const bytes = await wasm(`(module
      (func $g (param i32) (local i32)
        (loop
          (br_if 1 (i32.ge_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (local.get 0)))
          (br 0)))
      (func (export "f") (call $g (i32.const 10000))))`);
    const run = instantiateMetered(bytes);
    run.call("f");
    expect(run.fuelUsed()).toBe(1 + 2 + 1 + 10_000 * 7 + 9_999);
  });

  it("does not happen where the host throws and the guest catches", async () => {
    const run = instantiateMetered(
      await wasm(`(module (import "host" "g" (func $g))
        (func $h ${"(drop (i32.const 1))".repeat(50)} (call $g))
        (func (export "f") (block $x (try_table (catch_all $x) (call $h)))))`),
      {
        imports: {
          host: {
            g: () => {
              throw new Error("host");
            },
          },
        },
      },
    );
    expect(run.call("f")).toBeUndefined();
    // $h calls out of the module: its frame counts for three units.
    expect(run.fuelUsed()).toBe(1 + 1 + 1 + 50 + 11 + 3 * 128);
  });

  it("does not happen where the host takes fuel for a call", async () => {
    const run: MeteredRun = instantiateMetered(
      await wasm(`(module (import "host" "g" (func $g)) (func (export "f") (loop (call $g) (br 0))))`),
      {
        ...BUDGET,
        imports: {
          host: {
            g: () => {
              run.budgets.fuel.value = debitFuel(run.budgets.fuel.value, 100_000);
            },
          },
        },
      },
    );
    expect(outcome(run)).toEqual(OUT_OF_FUEL);
  });
});
