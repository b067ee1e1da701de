import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stackBytesFor } from "../../../src/runtime/prepare/meter/index.ts";
import { SHAPES } from "./depth-shapes.ts";
import { instantiateMetered, newBudgets, type MeteredRun } from "./metered-instance.ts";
import { wasm } from "./wasm-text.ts";

const DEPTH = { callDepth: 1_500 } as const;
/** What V8 takes where nobody gave it `--stack-size`. */
const DEFAULT_STACK_BYTES = 984 * 1024;

describe("call depth", () => {
  it("ends before the stack of its very size does, on V8's first tier: every shape", () => {
    const callDepth = 8_000;
    const flags = ["--liftoff-only", `--stack-size=${stackBytesFor(callDepth) / 1_024}`, "--no-warnings"];
    const script = join(import.meta.dirname, "depth-process.ts");
    const text = execFileSync(process.execPath, [...flags, script, `--call-depth=${callDepth}`], { encoding: "utf8" });
    expect(JSON.parse(text)).toEqual(Object.fromEntries(SHAPES.map(([name]) => [name, "stack-exhausted"])));
  });

  for (const [name, fields, other] of SHAPES) {
    it(`ends before V8's stack does, at the same fuel each time: ${name}`, async () => {
      const bytes = await wasm(`(module ${fields})`);
      const others = other === undefined ? undefined : await wasm(`(module ${other})`);
      const fuel = new Set<number>();
      // Often enough for V8 to come with its optimised code in between.
      for (let round = 0; round < 30; round += 1) {
        const budgets = newBudgets(DEPTH);
        const imports = others === undefined ? {} : { other: instantiateMetered(others, { budgets }).exports };
        const run = instantiateMetered(bytes, { budgets, imports });
        expect(run.call("f")).toBeInstanceOf(WebAssembly.RuntimeError);
        expect(run.stopped()).toBe("stack-exhausted");
        fuel.add(run.fuelUsed());
      }
      expect(fuel.size).toBe(1);
    });
  }

  it("is set here to what V8's default stack holds", () => {
    expect(stackBytesFor(DEPTH.callDepth)).toBeLessThan(DEFAULT_STACK_BYTES);
  });

  it("ends before V8's stack does where calls go through the host and back", async () => {
    const bytes = await wasm(`(module (import "host" "g" (func $g)) (func (export "f") (call $g)))`);
    const run: MeteredRun = instantiateMetered(bytes, {
      ...DEPTH,
      imports: {
        host: {
          g: () => {
            const result = run.call("f");
            if (result instanceof Error) throw result;
          },
        },
      },
    });
    expect(run.call("f")).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(run.stopped()).toBe("stack-exhausted");
  });

  it("is not taken on ways that call nothing", async () => {
    const run = instantiateMetered(
      await wasm(`(module
        (func $f (param i32) (if (local.get 0) (then (call $f (i32.const 0)))))
        (func (export "f") (param i32) (call $f (local.get 0))))`),
      { callDepth: 1 },
    );
    expect(run.call("f", 0)).toBeUndefined();
    expect(run.call("f", 1)).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(run.stopped()).toBe("stack-exhausted");
  });

  it("counts frames, not calls: returned depth is used again", async () => {
    const run = instantiateMetered(
      await wasm(`(module
        (func $g (call $h)) (func $h)
        (func (export "f") (local i32)
          (loop (call $g) (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10000))))))`),
      { callDepth: 2 },
    );
    expect(run.call("f")).toBeUndefined();
  });

  it("is given back by tail calls of all kinds", async () => {
    const run = instantiateMetered(
      await wasm(`(module
        (type $t (func (param i32) (result i32)))
        (table funcref (elem $b))
        (elem declare func $c)
        (func $a (type $t)
          (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
          (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))
        (func $b (type $t) (return_call_ref $t (local.get 0) (ref.func $c)))
        (func $c (type $t) (return_call $a (local.get 0)))
        (func (export "f") (result i32) (call $a (i32.const 10000))))`),
      { callDepth: 10 },
    );
    expect(run.call("f")).toBe(7);
  });

  it("is the catching frame's where an exception arrives", async () => {
    const run = instantiateMetered(
      await wasm(`(module
        (tag $e)
        (func $deep (param i32)
          (if (i32.eqz (local.get 0)) (then (throw $e)))
          (call $deep (i32.sub (local.get 0) (i32.const 1))))
        (func (export "f") (local i32)
          (loop $again
            (block $h (try_table (catch $e $h) (call $deep (i32.const 100))))
            (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))))`),
      { callDepth: 110 },
    );
    expect(run.call("f")).toBeUndefined();
  });

  it("is kept apart from fuel: a depth that runs out with no fuel left to borrow from is still the depth", async () => {
    const bytes = await wasm(`(module (func $f (call $f)) (func (export "f") (call $f)))`);
    // Entry and call of each of the three frames that depth 2 lets begin: 6 units.
    const run = instantiateMetered(bytes, { fuel: 6, callDepth: 2 });
    run.call("f");
    expect(run.stopped()).toBe("stack-exhausted");
    expect(run.fuelUsed()).toBe(6);
    const short = instantiateMetered(bytes, { fuel: 5, callDepth: 2 });
    short.call("f");
    expect(short.stopped()).toBe("out-of-fuel");
  });
});
