import { describe, expect, it } from "vitest";
import { isTaskerError } from "../../../src/core/errors/index.ts";
import { meterModule } from "../../../src/runtime/prepare/meter/index.ts";
import { wasm } from "./wasm-text.ts";

/** Small modules with much in them, as soil for mutants. */
const SOIL = [
  `(module (memory 1 4) (table 2 funcref) (global $g (mut i32) (i32.const 1)) (elem (i32.const 0) $a $b)
     (func $a (param i32) (result i32) (local i64 i64)
       (block (loop (br_if 1 (local.get 0)) (br_table 0 1 0 (i32.const 2)))) (memory.grow (i32.const 1)))
     (func $b (export "b") (param i32) (result i32)
       (if (result i32) (local.get 0) (then (call $a (i32.const 1))) (else (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0)))))
     (data (i32.const 8) "0123456789"))`,
  `(module (tag $e (param i32)) (type $t (func (param i32) (result i32))) (elem declare func $f)
     (import "host" "g" (func $g (param i32)))
     (func $f (type $t) (block $h (result i32) (try_table (result i32) (catch $e $h) (call $g (local.get 0)) (throw $e (i32.const 1)))))
     (func $h (export "h") (type $t) (return_call_ref $t (local.get 0) (ref.func $f)))
     (func $s (call $g (i32.const 3))) (start $s))`,
  `(module (memory 1) (table $x 3 externref) (data $d "abc") (elem $e func $f)
     (func $f (param i32 i32 v128) (result i32 v128)
       (memory.copy (local.get 0) (local.get 1) (i32.const 3)) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
       (drop (table.grow $x (ref.null extern) (i32.const 1))) (data.drop $d) (elem.drop $e)
       (local.get 0) (i32x4.add (local.get 2) (v128.load (i32.const 0))))
     (export "f" (func $f)))`,
];
/** Bytes that mean something: control, calls, locals, prefixes. */
const TELLING = [0x02, 0x06, 0x07, 0x0b, 0x0c, 0x0e, 0x10, 0x11, 0x12, 0x1f, 0x20, 0x40, 0x80, 0xfc, 0xfd, 0xff];
const MUTANTS = 30_000;

/** A linear congruential generator: the same mutants each time. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function verdict(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    meterModule(bytes);
    return "admitted";
  } catch (error) {
    return isTaskerError(error) ? error.code : String(error);
  }
}

describe("mutants of modules", () => {
  it("are admitted or refused for what they are: metering never fails, V8 never has the last word", async () => {
    const random = generator(1);
    const soil = await Promise.all(SOIL.map(wasm));
    const verdicts = new Map<string, number>();
    for (let mutant = 0; mutant < MUTANTS; mutant += 1) {
      const bytes = Uint8Array.from(soil[random(soil.length)] ?? []);
      for (let change = random(3); change >= 0; change -= 1) {
        const at = 8 + random(bytes.length - 8);
        bytes[at] = random(2) === 0 ? random(256) : (TELLING[random(TELLING.length)] ?? 0);
      }
      const found = verdict(bytes);
      verdicts.set(found, (verdicts.get(found) ?? 0) + 1);
    }
    const expected = ["TSK_COMPONENT_INVALID", "TSK_COMPONENT_TOO_LARGE", "TSK_COMPONENT_UNSUPPORTED", "admitted"];
    expect([...verdicts.keys()].filter((code) => !expected.includes(code))).toEqual([]);
    expect(verdicts.get("admitted")).toBeGreaterThan(MUTANTS / 100);
  });
});
