import { describe, expect, it } from "vitest";
import { callExport, instantiateMetered } from "./metered-instance.ts";
import { wasm, wasmByBinaryen } from "./wasm-text.ts";

interface Case {
  readonly name: string;
  readonly fields: string;
  /** What "f" returns for 0, 1, 2, … */
  readonly results: readonly number[];
}

/** Ways through exceptions. */
const TRY_TABLE: readonly Case[] = [
  {
    name: "a label reached by a catch, by a branch and by falling through",
    fields: `(tag $e (param i32))
      (func $g (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $e (i32.const 40))))
        (i32.add (local.get 0) (i32.const 10)))
      (func (export "f") (param i32) (result i32)
        (block $h (result i32)
          (drop (br_if $h (i32.const 99) (i32.eq (local.get 0) (i32.const 1))))
          (try_table (result i32) (catch $e $h) (call $g (local.get 0)))))`,
    results: [10, 99, 40, 13],
  },
  {
    name: "the function label as the target of a catch",
    fields: `(tag $e (param i32))
      (func $g (param i32) (throw $e (local.get 0)))
      (func (export "f") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 5))))
        (try_table (catch $e 0) (call $g (local.get 0)))
        (i32.const 6))`,
    results: [5, 1, 2],
  },
  {
    name: "a loop header as the target of a catch",
    fields: `(tag $e (param i32))
      (func $g (param i32) (throw $e (i32.sub (local.get 0) (i32.const 1))))
      (func (export "f") (param i32) (result i32) (local $n i32)
        (local.get 0)
        (loop $l (param i32) (result i32)
          (local.set 0)
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (if (local.get 0) (then (try_table (catch $e $l) (call $g (local.get 0)))))
          (local.get $n)))`,
    results: [1, 2, 3, 4],
  },
  {
    name: "br_table to labels of which one is the target of a catch",
    fields: `(tag $e)
      (func $g (param i32) (if (i32.gt_u (local.get 0) (i32.const 1)) (then (throw $e))))
      (func (export "f") (param i32) (result i32)
        (block $a (block $b
          (try_table (catch_all $b) (call $g (local.get 0)) (br_table $a $b (local.get 0))))
          (return (i32.const 1)))
        (i32.const 2))`,
    results: [2, 1, 1],
  },
  {
    name: "if, else and what follows under a caught label",
    fields: `(tag $e (param i32))
      (func $g (param i32) (result i32)
        (if (result i32) (i32.and (local.get 0) (i32.const 1))
          (then (throw $e (i32.const 3)) (i32.const 0)) (else (i32.const 4))))
      (func (export "f") (param i32) (result i32)
        (if $h (result i32) (i32.lt_u (local.get 0) (i32.const 2))
          (then (try_table (result i32) (catch $e $h) (call $g (local.get 0))))
          (else (i32.const 7))))`,
    results: [4, 3, 7],
  },
  {
    name: "an exception that is caught, kept and thrown again",
    fields: `(tag $e (param i32))
      (func $g (param i32) (throw $e (local.get 0)))
      (func $h (param i32)
        (block $x (result exnref) (try_table (catch_all_ref $x) (call $g (local.get 0))) (return))
        (throw_ref))
      (func (export "f") (param i32) (result i32)
        (block $x (result i32) (try_table (catch $e $x) (call $h (local.get 0))) (i32.const -1)))`,
    results: [0, 1, 2],
  },
];

const TRY: readonly Case[] = [
  {
    name: "catch with a value, catch_all, falling through",
    fields: `(tag $e (param i32)) (tag $o)
      (func $g (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $e (i32.const 40))))
        (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $o)))
        (i32.add (local.get 0) (i32.const 10)))
      (func (export "f") (param i32) (result i32)
        (try (result i32) (do (call $g (local.get 0))) (catch $e) (catch_all (i32.const 50))))`,
    results: [10, 40, 50, 13],
  },
  {
    name: "rethrow out of a catch",
    fields: `(tag $e (param i32))
      (func $g (param i32) (throw $e (local.get 0)))
      (func $h (param i32) (try $t (do (call $g (local.get 0))) (catch_all (rethrow $t))))
      (func (export "f") (param i32) (result i32)
        (try (result i32) (do (call $h (local.get 0)) (i32.const -1)) (catch $e)))`,
    results: [0, 1, 2],
  },
  {
    name: "delegate to an outer try, and to the caller",
    fields: `(tag $e (param i32))
      (func $g (param i32) (throw $e (local.get 0)))
      (func $h (param i32) (try (do (try (do (call $g (local.get 0))) (delegate 1))) (catch_all)))
      (func (export "f") (param i32) (result i32)
        (try $o (result i32)
          (do
            (try (do (try (do (call $h (local.get 0))) (delegate $o))) (catch_all))
            (i32.const -1))
          (catch $e)))`,
    results: [0, 1, 2],
  },
  {
    name: "branches out of try and catch",
    fields: `(tag $e (param i32))
      (func $g (param i32) (throw $e (local.get 0)))
      (func (export "f") (param i32) (result i32)
        (block $out (result i32)
          (try (result i32)
            (do
              (drop (br_if $out (i32.const 77) (i32.eqz (local.get 0))))
              (call $g (local.get 0))
              (i32.const -1))
            (catch $e
              (local.set 0)
              (drop (br_if $out (i32.const 9) (i32.eq (i32.const 2) (local.get 0))))
              (i32.const 1)))))`,
    results: [77, 1, 9],
  },
];

/** What a module did, run plain, in fresh metered instances (twice) and in one metered instance. */
function observe(bytes: Uint8Array<ArrayBuffer>, calls: number): Observed {
  const inputs = Array.from({ length: calls }, (_, input) => input);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const fresh = () =>
    inputs.map((input) => {
      const run = instantiateMetered(bytes);
      return { result: run.call("f", input), stopped: run.stopped(), fuel: run.fuelUsed() };
    });
  const [first, second] = [fresh(), fresh()];
  const run = instantiateMetered(bytes);
  const together = inputs.map((input) => run.call("f", input));
  return {
    plain: inputs.map((input) => callExport(exports, "f", [input])),
    metered: first.map(({ result }) => result),
    together,
    sameFuel: JSON.stringify(first) === JSON.stringify(second),
    // Whatever a call leaves behind in its instance would show here.
    fuelAddsUp: run.fuelUsed() === first.reduce((sum, { fuel }) => sum + fuel, 0),
  };
}

interface Observed {
  readonly plain: readonly unknown[];
  readonly metered: readonly unknown[];
  readonly together: readonly unknown[];
  readonly sameFuel: boolean;
  readonly fuelAddsUp: boolean;
}

function expected(results: readonly number[]): Observed {
  return { plain: results, metered: results, together: results, sameFuel: true, fuelAddsUp: true };
}

describe("exceptions of try_table", () => {
  for (const { name, fields, results } of TRY_TABLE) {
    it(`do what they do plain: ${name}`, async () => {
      expect(observe(await wasm(`(module ${fields})`), results.length)).toEqual(expected(results));
    });
  }
});

describe("a tail call of an import", () => {
  it("leaves the handlers around it behind, as it does plain", async () => {
    const bytes = await wasm(`(module (import "host" "throw" (func $throw))
      (func (export "f") (block $h (try_table (catch_all $h) (return_call $throw)))))`);
    const imports = {
      host: {
        throw: () => {
          throw new Error("from the host");
        },
      },
    };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    const run = instantiateMetered(bytes, { imports });
    expect([callExport(exports, "f", []), run.call("f")].map(String)).toEqual(Array(2).fill("Error: from the host"));
  });
});

describe("an exception that leaves many frames", () => {
  it("costs for each of them", async () => {
    const run = instantiateMetered(
      await wasm(`(module (tag $e)
        (func $deep (param i32)
          (if (i32.eqz (local.get 0)) (then (throw $e)))
          (call $deep (i32.sub (local.get 0) (i32.const 1))))
        (func (export "f") (param i32) (block $h (try_table (catch $e $h) (call $deep (local.get 0))))))`),
    );
    run.call("f", 0);
    const shallow = run.fuelUsed();
    run.call("f", 100);
    expect(run.fuelUsed() - shallow).toBe(shallow + 100 * (1 + 7 + 128));
  });
});

describe("exceptions of the older try", () => {
  for (const { name, fields, results } of TRY) {
    it(`do what they do plain: ${name}`, () => {
      expect(observe(wasmByBinaryen(`(module ${fields})`), results.length)).toEqual(expected(results));
    });
  }

  it("cost what was done up to the throw, and the handler", () => {
    const run = instantiateMetered(
      wasmByBinaryen(`(module (tag $e)
        (func $g (drop (i32.const 1)) (throw $e))
        (func (export "f") (try (do (call $g)) (catch $e (drop (i32.const 1)) (drop (i32.const 1))))))`),
    );
    run.call("f");
    expect(run.fuelUsed()).toBe(1 + 1 + 1 + 1 + 500 + 2);
  });
});
