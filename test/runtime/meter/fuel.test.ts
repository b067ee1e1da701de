import { describe, expect, it } from "vitest";
import { instantiateMetered } from "./metered-instance.ts";
import { wasm } from "./wasm-text.ts";

/** What a function costs: the module's fields, its exported function "f" among them, and the exact fuel of one call. */
const GOLDEN: readonly (readonly [name: string, fields: string, fuel: number])[] = [
  ["an empty function: its entry", `(func (export "f"))`, 1],
  ["nop, drop, block and end are free", `(func (export "f") nop block nop end i32.const 1 drop)`, 2],
  ["each other instruction costs one", `(func (export "f") (drop (i32.add (i32.const 1) (i32.const 2))))`, 4],
  [
    "locals and globals",
    `(global $g (mut i32) (i32.const 3))
     (func (export "f") (local i32) (local.set 0 (global.get $g)) (global.set $g (local.get 0)))`,
    5,
  ],
  ["if without else, taken", `(func (export "f") (if (i32.const 1) (then (drop (i32.const 1)))))`, 4],
  ["if without else, not taken", `(func (export "f") (if (i32.const 0) (then (drop (i32.const 1)))))`, 3],
  [
    "the arm that runs and what follows, not the other arm",
    `(func (export "f")
       (if (i32.const 0) (then (drop (i32.const 1)) (drop (i32.const 1))) (else (drop (i32.const 1))))
       (drop (i32.const 1)))`,
    5,
  ],
  [
    "code behind a branch that is not taken",
    `(func (export "f") (block (br_if 0 (i32.const 0)) (drop (i32.const 1))) (drop (i32.const 1)))`,
    5,
  ],
  [
    "no code behind a branch that is taken",
    `(func (export "f") (block (br_if 0 (i32.const 1)) (drop (i32.const 1))) (drop (i32.const 1)))`,
    4,
  ],
  [
    "nothing behind a branch over two blocks",
    `(func (export "f")
       (block (block (br_if 1 (i32.const 1)) (drop (i32.const 1))) (drop (i32.const 1)))
       (drop (i32.const 1)))`,
    4,
  ],
  ["nothing behind a return", `(func (export "f") (if (i32.const 1) (then return)) (drop (i32.const 1)))`, 3],
  ["a branch to the function label", `(func (export "f") (br_if 0 (i32.const 1)) (drop (i32.const 1)))`, 3],
  [
    "br_table",
    `(func (export "f")
       (block (block (block (br_table 0 1 2 (i32.const 1))) (drop (i32.const 1))) (drop (i32.const 1)) (drop (i32.const 1))))`,
    5,
  ],
  [
    "a loop of ten rounds",
    `(func (export "f") (local i32)
       (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10)))))`,
    1 + 10 * 7,
  ],
  [
    "a loop that is left from within",
    `(func (export "f") (local i32)
       (block (loop
         (br_if 1 (i32.ge_u (local.get 0) (i32.const 10)))
         (local.set 0 (i32.add (local.get 0) (i32.const 1)))
         (br 0)))
       (drop (i32.const 1)))`,
    1 + 10 * 9 + 4 + 1,
  ],
  ["a loop that never goes round", `(func (export "f") (loop (drop (i32.const 1))) (drop (i32.const 1)))`, 3],
  ["a call and the entry of the callee", `(func $g) (func (export "f") (call $g) (call $g))`, 5],
  [
    "a call through a table",
    `(table funcref (elem $g)) (func $g) (func (export "f") (call_indirect (i32.const 0)))`,
    4,
  ],
  [
    "a call through a reference",
    `(type $t (func)) (elem declare func $g) (func $g (type $t)) (func (export "f") (call_ref $t (ref.func $g)))`,
    4,
  ],
  [
    "tail calls of all kinds",
    `(type $t (func (param i32) (result i32)))
     (table funcref (elem $b))
     (elem declare func $c)
     (func $a (type $t) (return_call_indirect (type $t) (local.get 0) (i32.const 0)))
     (func $b (type $t) (return_call_ref $t (local.get 0) (ref.func $c)))
     (func $c (type $t) (local.get 0))
     (func (export "f") (drop (call $a (i32.const 7))))`,
    1 + 2 + (1 + 3) + (1 + 3) + (1 + 1),
  ],
  ["a call of the host", `(import "host" "g" (func $g)) (func (export "f") (call $g))`, 12],
  [
    "a call of the host through a table: the thunk is the callee",
    `(import "host" "g" (func $g)) (table funcref (elem $g)) (func (export "f") (call_indirect (i32.const 0)))`,
    1 + 2 + 1 + 10,
  ],
  [
    "a tail call of the host: the thunk is the callee",
    `(import "host" "g" (func $g)) (func (export "f") (return_call $g))`,
    1 + 1 + 1 + 10,
  ],
  [
    "memory.fill: whole groups of eight bytes",
    `(memory 1) (func (export "f") (memory.fill (i32.const 0) (i32.const 1) (i32.const 807)))`,
    1 + 4 + 100,
  ],
  [
    "memory.copy",
    `(memory 1) (func (export "f") (memory.copy (i32.const 0) (i32.const 9) (i32.const 80)))`,
    1 + 4 + 10,
  ],
  [
    "memory.init and data.drop",
    `(memory 1) (data $d "0123456789abcdef")
     (func (export "f") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 16)) (data.drop $d))`,
    1 + 4 + 2 + 1,
  ],
  [
    "table.fill, table.copy, table.init, elem.drop",
    `(table 8 funcref) (elem $e func $g $g $g) (func $g)
     (func (export "f")
       (table.fill (i32.const 0) (ref.null func) (i32.const 5))
       (table.copy (i32.const 0) (i32.const 1) (i32.const 3))
       (table.init $e (i32.const 0) (i32.const 0) (i32.const 2))
       (elem.drop $e))`,
    1 + (4 + 5 * 32) + (4 + 3 * 32) + (4 + 2 * 32) + 1,
  ],
  ["memory.grow by two pages", `(memory 1) (func (export "f") (drop (memory.grow (i32.const 2))))`, 1 + 2 + 256 + 2048],
  [
    "memory.grow beyond the maximum costs the same",
    `(memory 1 1) (func (export "f") (drop (memory.grow (i32.const 2))))`,
    1 + 2 + 256 + 2048,
  ],
  [
    "table.grow by five entries",
    `(table 1 funcref) (func (export "f") (drop (table.grow (ref.null func) (i32.const 5))))`,
    1 + 3 + 256 + 160,
  ],
  [
    "an exception, thrown and caught",
    `(tag $e) (func (export "f") (block $h (try_table (catch $e $h) (throw $e))) (drop (i32.const 1)))`,
    1 + 500 + 1,
  ],
  [
    "an exception out of a call, caught and thrown again",
    `(tag $e)
     (func $g (throw $e))
     (func $h (block $x (result exnref) (try_table (catch_all_ref $x) (call $g)) (unreachable)) throw_ref)
     (func (export "f") (block $x (try_table (catch $e $x) (call $h))))`,
    1 + 1 + (1 + 1) + (1 + 500) + 500 + 128,
  ],
  ["vectors", `(func (export "f") (drop (i32x4.add (v128.const i32x4 1 2 3 4) (i32x4.splat (i32.const 1)))))`, 1 + 4],
];

describe("fuel", () => {
  for (const [name, fields, fuel] of GOLDEN) {
    it(`is exact: ${name}`, async () => {
      const bytes = await wasm(`(module ${fields})`);
      for (let instance = 0; instance < 2; instance += 1) {
        const run = instantiateMetered(bytes, { imports: { host: { g: () => undefined } } });
        expect(run.call("f")).toBeUndefined();
        expect(run.fuelUsed()).toBe(fuel);
      }
    });
  }
});

describe("a budget", () => {
  it("that is just enough suffices, and one unit less stops the run", async () => {
    const bytes = await wasm(`(module (func (export "f") (local i32)
      (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))))))`);
    const enough = instantiateMetered(bytes, { fuel: 71 });
    expect(enough.call("f")).toBeUndefined();
    expect(enough.stopped()).toBeUndefined();
    expect(enough.fuelUsed()).toBe(71);

    const tooLittle = instantiateMetered(bytes, { fuel: 70 });
    expect(tooLittle.call("f")).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(tooLittle.stopped()).toBe("out-of-fuel");
    expect(tooLittle.fuelUsed()).toBe(70);
  });

  it("suffices if and only if it is what the run costs, whichever way it goes", async () => {
    const bytes = await wasm(`(module
      (func $g (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func (export "f") (param i32) (result i32) (local i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
        (block $end
          (block $two
            (block $one (br_table $one $two $end (i32.rem_u (local.get 0) (i32.const 4))))
            (local.set 1 (call $g (local.get 0)))
            (br_if $end (i32.gt_u (local.get 0) (i32.const 9)))
            (drop (i32.mul (local.get 1) (local.get 1))))
          (if (i32.and (local.get 0) (i32.const 2))
            (then (local.set 1 (call $g (call $g (local.get 1)))))
            (else (drop (i32.div_u (i32.const 9) (local.get 0))) (drop (i32.const 1)))))
        (loop $again
          (local.set 1 (i32.add (local.get 1) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get 1) (local.get 0))))
        (local.get 1)))`);
    for (let argument = 0; argument < 16; argument += 1) {
      const plenty = instantiateMetered(bytes);
      const result = plenty.call("f", argument);
      const fuel = plenty.fuelUsed();
      const enough = instantiateMetered(bytes, { fuel });
      expect([enough.call("f", argument), enough.stopped()]).toEqual([result, undefined]);
      const tooLittle = instantiateMetered(bytes, { fuel: fuel - 1 });
      tooLittle.call("f", argument);
      expect(tooLittle.stopped()).toBe("out-of-fuel");
    }
  });

  it("is shared by the modules of a component", async () => {
    const first = instantiateMetered(await wasm(`(module (func (export "g") (drop (i32.const 1))))`));
    const { budgets } = first;
    const second = instantiateMetered(
      await wasm(`(module (import "first" "g" (func $g)) (func (export "f") (call $g) (call $g)))`),
      { budgets, imports: { first: first.exports } },
    );
    second.call("f");
    expect(first.fuelUsed()).toBe(1 + 2 * (11 + 2));
  });

  it("pays the start function", async () => {
    const run = instantiateMetered(await wasm(`(module (func $s (drop (i32.const 1))) (start $s))`));
    expect(run.fuelUsed()).toBe(2);
  });
});

describe("a trapped run", () => {
  it("is charged up to the trap where that is an `unreachable`", async () => {
    const run = instantiateMetered(await wasm(`(module (func (export "f") (drop (i32.const 1)) unreachable))`));
    expect(run.call("f")).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(run.fuelUsed()).toBe(2);
    expect(run.stopped()).toBeUndefined();
  });

  it("is charged up to the last write of the global where the trap is another", async () => {
    const run = instantiateMetered(
      await wasm(`(module (import "host" "g" (func $g))
        (func (export "f") (call $g) (drop (i32.div_u (i32.const 1) (i32.const 0)))))`),
      { imports: { host: { g: () => undefined } } },
    );
    expect(run.call("f")).toBeInstanceOf(WebAssembly.RuntimeError);
    // The region was charged as a whole before the host was called.
    expect(run.fuelUsed()).toBe(1 + 11 + 3);
  });
});
