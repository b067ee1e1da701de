/** The bits of a NaN must not tell machines, processes or V8's tiers apart; those that a guest packed itself must stay. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { meterModule, METER_NAMESPACE, packFuel } from "../../../src/runtime/prepare/meter/index.ts";
import { instantiateMetered } from "./metered-instance.ts";
import { wasm } from "./wasm-text.ts";

const CANONICAL = { f32: 0x7fc0_0000n, f64: 0x7ff8_0000_0000_0000n } as const;
const QUIET = { f32: [0x7fc0_0001n, 0xffc0_0002n], f64: [0x7ff8_0000_0000_0001n, 0xfff8_0000_0000_0002n] } as const;
type Float = keyof typeof CANONICAL;
const FLOATS = ["f32", "f64"] as const;
const BITS = { f32: "i32", f64: "i64" } as const;
const LANES = { f32: "f32x4", f64: "f64x2" } as const;

/** Unary and binary, where `x` and `y` are the two operands. */
const ARITHMETIC: readonly string[] = [
  ...["ceil", "floor", "trunc", "nearest", "sqrt"].map((name) => `(F.${name} x)`),
  ...["add", "sub", "mul", "div", "min", "max"].map((name) => `(F.${name} x y)`),
];
const BITWISE: readonly string[] = [
  "x",
  "(F.neg (F.neg x))",
  "(F.copysign x x)",
  "(select x y (i32.const 1))",
  "(block (result F) (br 0 x))",
];

/** A function of two bit patterns whose result is the bits of `expression`. */
function scalar(float: Float, expression: string): string {
  const [int, text] = [
    BITS[float],
    expression.replaceAll("F.", `${float}.`).replaceAll("(result F)", `(result ${float})`),
  ];
  const operand = (index: number): string => `(${float}.reinterpret_${int} (local.get ${index}))`;
  const body = text.replaceAll(/\bx\b/g, operand(0)).replaceAll(/\by\b/g, operand(1));
  return `(func (export "f") (param ${int} ${int}) (result ${int}) (${int}.reinterpret_${float} ${body}))`;
}

/** The same in the last lane of a vector. */
function vector(float: Float, expression: string): string {
  const [int, lanes] = [BITS[float], LANES[float]];
  const shape = float === "f32" ? "i32x4" : "i64x2";
  const last = float === "f32" ? 3 : 1;
  const body = expression
    .replaceAll("F.", `${lanes}.`)
    .replaceAll(/\bx\b/g, `(${shape}.splat (local.get 0))`)
    .replaceAll(/\by\b/g, `(${shape}.splat (local.get 1))`);
  return `(func (export "f") (param ${int} ${int}) (result ${int}) (${shape}.extract_lane ${last} ${body}))`;
}

async function bitsOf(float: Float, field: string, a: bigint, b: bigint): Promise<bigint> {
  const run = instantiateMetered(await wasm(`(module ${field})`));
  const result = float === "f32" ? run.call("f", Number(a) | 0, Number(b) | 0) : run.call("f", a, b);
  return BigInt.asUintN(float === "f32" ? 32 : 64, BigInt(String(result)));
}

describe.each(FLOATS)("a NaN of %s", (float) => {
  const [a, b] = QUIET[float];

  it.each(ARITHMETIC)("is canonical behind %s", async (expression) => {
    expect(await bitsOf(float, scalar(float, expression), a, b)).toBe(CANONICAL[float]);
    expect(await bitsOf(float, vector(float, expression), a, b)).toBe(CANONICAL[float]);
  });

  it("is canonical where no operand was one", async () => {
    expect(await bitsOf(float, scalar(float, "(F.div x y)"), 0n, 0n)).toBe(CANONICAL[float]);
    expect(await bitsOf(float, vector(float, "(F.div x y)"), 0n, 0n)).toBe(CANONICAL[float]);
  });

  it.each(BITWISE)("keeps its bits through %s", async (expression) => {
    expect(await bitsOf(float, scalar(float, expression), a, b)).toBe(a);
  });

  it("keeps its bits in memory, locals, globals and calls", async () => {
    const [int, bytes] = [BITS[float], float === "f32" ? 4 : 8];
    const field = `(memory 1) (global $g (mut ${float}) (${float}.const 0))
      (func $id (param ${float}) (result ${float}) (local.get 0))
      (func (export "f") (param ${int} ${int}) (result ${int}) (local $l ${float})
        (${int}.store (i32.const 0) (local.get 0))
        (local.set $l (call $id (${float}.load (i32.const 0))))
        (global.set $g (local.get $l))
        (${float}.store (i32.const ${bytes}) (global.get $g))
        (${int}.load (i32.const ${bytes})))`;
    expect(await bitsOf(float, field, a, b)).toBe(a);
  });

  it("is no reason to change another number", async () => {
    const [one, two] =
      float === "f32" ? [0x3f80_0000n, 0x4000_0000n] : [0x3ff0_0000_0000_0000n, 0x4000_0000_0000_0000n];
    for (const form of [scalar, vector]) {
      expect(await bitsOf(float, form(float, "(F.add x x)"), one, one)).toBe(two);
      expect(await bitsOf(float, form(float, "(F.sub x (F.max x y))"), two, one)).toBe(0n);
    }
  });
});

it("is canonical when it changes its width", async () => {
  const narrow = `(func (export "f") (param i64 i64) (result i64)
    (i64.extend_i32_u (i32.reinterpret_f32 (f32.demote_f64 (f64.reinterpret_i64 (local.get 0))))))`;
  expect(await bitsOf("f64", narrow, QUIET.f64[1], 0n)).toBe(CANONICAL.f32);
  const wide = `(func (export "f") (param i64 i64) (result i64)
    (i64.reinterpret_f64 (f64.promote_f32 (f32.reinterpret_i32 (i32.wrap_i64 (local.get 0))))))`;
  expect(await bitsOf("f64", wide, QUIET.f32[1], 0n)).toBe(CANONICAL.f64);
});

// ---- the same on every tier ----

/** How the results of arithmetic are written: as they are, or each of them made canonical at once by a function. */
type Canonical = { readonly f32: (text: string) => string; readonly f64: (text: string) => string };
const AS_IT_IS: Canonical = { f32: (text) => text, f64: (text) => text };
const AT_ONCE: Canonical = { f32: (text) => `(call $f32 ${text})`, f64: (text) => `(call $f64 ${text})` };
const MAKE_CANONICAL = FLOATS.map(
  (float) => `(func $${float} (param ${float}) (result ${float})
    (select (local.get 0) (${float}.const nan) (${float}.eq (local.get 0) (local.get 0))))`,
).join("\n");

/** Expressions of six locals, some of which are NaNs with payloads, in a loop. Results go from local to local and through memory. */
function randomFunction(seed: number, canonical: Canonical): string {
  let state = seed * 2_654_435_761;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const pick = (texts: readonly string[]): string => texts[random(texts.length)] ?? "";
  const leaf = (): string =>
    pick([
      `(local.get ${2 + random(6)})`,
      `(local.get ${2 + random(6)})`,
      "(f64.const nan:0x8000000000123)",
      "(f64.const 0)",
      "(f64.const inf)",
    ]);
  const expression = (depth: number): string => {
    if (depth === 0) return leaf();
    const [one, other] = [expression(depth - 1), expression(depth - 1)];
    return pick([
      canonical.f64(`(f64.${pick(["add", "sub", "mul", "div", "min", "max"])} ${one} ${other})`),
      canonical.f64(`(f64.${pick(["add", "mul"])} ${one} ${other})`),
      canonical.f64(`(f64.${pick(["sqrt", "ceil"])} ${one})`),
      `(f64.${pick(["neg", "abs"])} ${one})`,
      `(f64.copysign ${one} ${other})`,
      `(select ${one} ${other} (local.get 8))`,
      `(local.tee ${2 + random(6)} ${one})`,
      canonical.f64(
        `(f64.promote_f32 ${canonical.f32(`(f32.add ${canonical.f32(`(f32.demote_f64 ${one})`)} ${canonical.f32(`(f32.demote_f64 ${other})`)})`)})`,
      ),
      canonical.f64(`(f64x2.extract_lane 1 (f64x2.add (f64x2.splat ${one}) (f64x2.splat ${other})))`),
    ]);
  };
  // Into some of them nothing but results of arithmetic is put.
  const start = [2, 3, 4, 5, 6, 7]
    .map((at) => {
      const given = `(f64.reinterpret_i64 (local.get ${at % 2}))`;
      return `(local.set ${at} ${random(2) === 0 ? given : canonical.f64(`(f64.mul ${given} (f64.const 1))`)})`;
    })
    .join("");
  const put = (): string =>
    pick([
      `(local.set ${2 + random(6)} ${expression(3)})`,
      `(local.set ${2 + random(6)} ${canonical.f64(`(f64.add ${expression(2)} ${expression(1)})`)})`,
      `(local.set ${2 + random(6)} (local.get ${2 + random(6)}))`,
      `(f64.store (i32.const 8) ${expression(2)})`,
      `(local.set ${2 + random(6)} (f64.load (i32.const 8)))`,
    ]);
  const round = Array.from({ length: 6 }, put).join("");
  const mixed = [3, 4, 5].reduce(
    (sum, at) => `(i64.add (i64.mul (i64.const 31) ${sum}) (i64.reinterpret_f64 (local.get ${at})))`,
    "(i64.reinterpret_f64 (local.get 2))",
  );
  return `(func (export "f${seed}") (param i64 i64) (result i64) (local f64 f64 f64 f64 f64 f64 i32) ${start}
    (loop $l ${round} (br_if $l (i32.lt_u (local.tee 8 (i32.add (local.get 8) (i32.const 1))) (i32.const 3)))) ${mixed})`;
}

function randomModule(canonical: Canonical): string {
  const functions = Array.from({ length: 200 }, (_, seed) => randomFunction(seed + 1, canonical)).join("\n");
  return `(module (memory 1) ${MAKE_CANONICAL} ${functions})`;
}

const PATTERNS = [
  0x7ff8_0000_0000_0001n,
  -2n,
  0x7ff0_0000_0000_0003n,
  -0xf_ffff_ffff_fffcn,
  0x3ff0_0000_0000_0000n,
  0n,
  0x7ff0_0000_0000_0000n,
];

describe("what is made canonical late", () => {
  it("is the same as if every result were at once", async () => {
    const late = instantiateMetered(await wasm(randomModule(AS_IT_IS)));
    const module = new WebAssembly.Module(await wasm(randomModule(AT_ONCE)));
    const atOnce = new WebAssembly.Instance(module).exports as Record<string, (a: bigint, b: bigint) => bigint>;
    for (const name of Object.keys(atOnce))
      for (const a of PATTERNS)
        for (const b of PATTERNS)
          expect([name, a, b, late.call(name, a, b)]).toEqual([name, a, b, atOnce[name]?.(a, b)]);
  });
});

/** Calls every export with pairs of patterns and prints a digest. */
const CHILD = `
const { readFileSync } = require("node:fs");
const [path, namespace, fuel] = process.argv.slice(2);
const i64 = (value) => new WebAssembly.Global({ value: "i64", mutable: true }, BigInt(value));
const memory0 = new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
const meter = { fuel: i64(fuel), "bytes-left": i64(0), "growth-refused": new WebAssembly.Global({ value: "i32", mutable: true }, 0), memory0 };
const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)), { [namespace]: meter });
const patterns = [${PATTERNS.map((pattern) => `${pattern}n`).join(", ")}];
const hash = require("node:crypto").createHash("sha256");
for (const f of Object.values(instance.exports)) for (const a of patterns) for (const b of patterns) hash.update(String(f(a, b)) + " ");
process.stdout.write(hash.digest("hex"));`;

const TIERS: readonly (readonly string[])[] = [["--liftoff-only"], ["--no-liftoff", "--no-wasm-lazy-compilation"]];
/** x64 without AVX takes its operands in the order that suits the register allocator: the tiers differ in which payload they keep. */
const MACHINES: readonly (readonly string[])[] = process.arch === "x64" ? [[], ["--no-enable-avx"]] : [[]];

describe("what a metered module calculates with NaNs", () => {
  it("is the same on each of V8's tiers, with AVX and without", async () => {
    const original = await wasm(randomModule(AS_IT_IS));
    const folder = mkdtempSync(join(tmpdir(), "tasker-nan-"));
    try {
      writeFileSync(join(folder, "metered.wasm"), meterModule(original).bytes);
      writeFileSync(join(folder, "child.cjs"), CHILD);
      const args = [
        join(folder, "metered.wasm"),
        METER_NAMESPACE,
        String(packFuel({ fuel: 2 ** 40, callDepth: 1_000 })),
      ];
      const digests = MACHINES.flatMap((machine) =>
        TIERS.map((tier) =>
          execFileSync(process.execPath, [...machine, ...tier, join(folder, "child.cjs"), ...args], {
            encoding: "utf8",
          }),
        ),
      );
      expect(new Set(digests).size).toBe(1);
      expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
