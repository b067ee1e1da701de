/** The virtual WASI 0.2 subset, by a guest that calls it directly. */
import { describe, expect, it } from "vitest";
import { type Artifact, createInlineSandbox, type RunReport } from "../../../src/runtime/index.ts";
import { refusalOf } from "../support/refusals.ts";
import { prepareHere, request } from "../support/runs.ts";
import { WASI_WIT as WIT } from "../support/wasi-wit.ts";
import { EMPTY_SUCCESS, success, watComponent } from "../support/wat-component.ts";

const IMPORTS = {
  random: `(import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))`,
  bytes: `(import "wasi:random/random@0.2.3" "get-random-bytes" (func $bytes (param i64 i32)))`,
  now: `(import "wasi:clocks/wall-clock@0.2.3" "now" (func $now (param i32)))`,
  ticks: `(import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $ticks (result i64)))`,
  sleep: `(import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $sleep (param i64) (result i32)))`,
  block: `(import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))`,
  drop: `(import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))`,
  exit: `(import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))`,
  stdout: `(import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))`,
  write: `(import "wasi:io/streams@0.2.3" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))`,
  environment: `(import "wasi:cli/environment@0.2.3" "get-environment" (func $environment (param i32)))`,
  preopens: `(import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $preopens (param i32)))`,
  sync: `(import "wasi:filesystem/types@0.2.3" "[method]descriptor.sync" (func $sync (param i32 i32)))`,
};

/** Turns the i64 on the stack into sixteen hex digits between quotes at 3000. */
const HEX = `(func $hex (param $value i64) (local $at i32)
  (i32.store8 (i32.const 3000) (i32.const 34)) (i32.store8 (i32.const 3017) (i32.const 34))
  (local.set $at (i32.const 3016))
  (loop $digits
    (i32.store8 (local.get $at) (i32.add (i32.const 97) (i32.wrap_i64 (i64.and (local.get $value) (i64.const 15)))))
    (local.set $value (i64.shr_u (local.get $value) (i64.const 4)))
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (br_if $digits (i32.gt_u (local.get $at) (i32.const 3000)))))`;
const SHOW = success("(i32.const 3000)", "(i32.const 18)");

function hex(value: bigint): string {
  const digits = value.toString(16).padStart(16, "0");
  return `"${Array.from(digits, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join("")}"`;
}

async function guest(imports: readonly (keyof typeof IMPORTS)[], handle: string, fields = ""): Promise<Artifact> {
  const text = imports.map((name) => IMPORTS[name]).join("\n");
  return prepareHere(await watComponent({ wit: WIT, imports: text, handle, fields: HEX + fields }));
}

async function run(artifact: Artifact, changes: Parameters<typeof request>[1] = {}): Promise<RunReport> {
  await using sandbox = createInlineSandbox();
  return sandbox.run(request(artifact, changes));
}

function resultOf({ outcome }: RunReport): string {
  return outcome.kind === "success" ? outcome.resultJson : JSON.stringify(outcome);
}

describe("the virtual WASI", () => {
  it("draws randomness from the seed and nothing else", async () => {
    const artifact = await guest(["random"], `(call $hex (call $random)) ${SHOW}`);
    const [first, again, other] = await Promise.all([
      run(artifact, { context: { seed: "1" } }),
      run(artifact, { context: { seed: "1" } }),
      run(artifact, { context: { seed: "2" } }),
    ]);
    expect(resultOf(first)).toMatch(/^"[a-p]{16}"$/);
    expect(resultOf(again)).toBe(resultOf(first));
    expect(resultOf(other)).not.toBe(resultOf(first));
  });

  it("stands at now-ms, and moves when the guest waits", async () => {
    const wall = await guest(["now"], `(call $now (i32.const 4000)) (call $hex (i64.load (i32.const 4000))) ${SHOW}`);
    expect(resultOf(await run(wall, { context: { nowMs: 1_234_567_890 } }))).toBe(hex(1_234_567n));
    const waits = await guest(
      ["ticks", "sleep", "block", "drop"],
      `(local $pollable i32)
       (local.set $pollable (call $sleep (i64.const 5000000000)))
       (call $block (local.get $pollable)) (call $drop (local.get $pollable))
       (call $hex (call $ticks)) ${SHOW}`,
    );
    expect(resultOf(await run(waits, { context: { nowMs: 1_000 } }))).toBe(hex(6_000_000_000n));
  });

  it("ends at the last nanosecond that a u64 counts, however long the guest waits", async () => {
    const waits = await guest(
      ["ticks", "sleep", "block", "drop"],
      `(local $pollable i32)
       (local.set $pollable (call $sleep (i64.const -1)))
       (call $block (local.get $pollable)) (call $drop (local.get $pollable))
       (call $hex (call $ticks)) ${SHOW}`,
    );
    expect(resultOf(await run(waits, { context: { nowMs: 1_000 } }))).toBe(hex(2n ** 64n - 1n));
  });

  it("has neither variables nor directories", async () => {
    for (const name of ["environment", "preopens"] as const) {
      const artifact = await guest(
        [name],
        `(call $${name} (i32.const 4000)) (call $hex (i64.load (i32.const 4000))) ${SHOW}`,
      );
      // An empty list: some aligned pointer in the lower half, length 0 in the upper.
      expect(resultOf(await run(artifact))).toBe(hex(4n));
    }
  });

  it("writes what goes to standard output into the log, line by line", async () => {
    const artifact = await guest(
      ["stdout", "write"],
      `(local $out i32) (local.set $out (call $stdout))
       (call $write (local.get $out) (i32.const 5000) (i32.const 6) (i32.const 4000))
       (call $write (local.get $out) (i32.const 5006) (i32.const 5) (i32.const 4000)) ${EMPTY_SUCCESS}`,
      `(data (i32.const 5000) "one\\0atwo\\0athr")`,
    );
    const { logs } = await run(artifact);
    expect(logs.map(({ level, message }) => [level, message])).toEqual([
      ["info", "one"],
      ["info", "two"],
      ["info", "thr"],
    ]);
  });

  it.each<readonly [string, readonly (keyof typeof IMPORTS)[], string]>([
    ["leaves by exit", ["exit"], `(call $exit (i32.const 0)) ${EMPTY_SUCCESS}`],
    ["uses a handle that it never got", ["block"], `(call $block (i32.const 7)) ${EMPTY_SUCCESS}`],
    ["uses a handle of another kind", ["stdout", "block"], `(call $block (call $stdout)) ${EMPTY_SUCCESS}`],
    [
      "drops a handle twice",
      ["sleep", "drop"],
      `(call $drop (call $sleep (i64.const 0))) (call $drop (i32.const 1)) ${EMPTY_SUCCESS}`,
    ],
    ["uses a descriptor, which nobody has", ["sync"], `(call $sync (i32.const 1) (i32.const 4000)) ${EMPTY_SUCCESS}`],
    [
      "wants a gigabyte of randomness",
      ["bytes"],
      `(call $bytes (i64.const 1000000000) (i32.const 4000)) ${EMPTY_SUCCESS}`,
    ],
    ["collects handles", ["sleep"], `(loop $more (drop (call $sleep (i64.const 0))) (br $more)) unreachable`],
  ])("traps a guest that %s", async (_, imports, handle) => {
    const { outcome } = await run(await guest(imports, handle), { limits: { maxHostCalls: 100_000 } });
    expect(outcome).toMatchObject({ kind: "trap", phase: "call" });
  });

  it("charges fuel for what the host copies", async () => {
    const small = await run(await guest(["bytes"], `(call $bytes (i64.const 8) (i32.const 4000)) ${EMPTY_SUCCESS}`));
    const large = await run(
      await guest(["bytes"], `(call $bytes (i64.const 60000) (i32.const 4000)) ${EMPTY_SUCCESS}`),
    );
    expect(large.usage.fuelUsed - small.usage.fuelUsed).toBeGreaterThan(7_000);
  });

  it("is refused beyond the subset", async () => {
    const wit = WIT.replace(
      "package wasi:random@0.2.3 { interface random {",
      "package wasi:random@0.2.3 { interface random { more: func();",
    );
    const imports = `(import "wasi:random/random@0.2.3" "more" (func))`;
    const bytes = await watComponent({ wit, imports, handle: EMPTY_SUCCESS });
    expect(await refusalOf(() => prepareHere(bytes))).toBe("TSK_COMPONENT_IMPORT_REFUSED");
  });
});
