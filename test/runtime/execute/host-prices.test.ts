/** What the host does for a guest costs fuel in proportion to the time that it takes. */
import { beforeAll, describe, expect, it } from "vitest";
import { compileComponent } from "../../../src/runtime/execute/compiled-component.ts";
import { MemoryPool } from "../../../src/runtime/execute/memory-pool.ts";
import { runStep } from "../../../src/runtime/execute/run-step.ts";
import { createInlineSandbox, type RunReport } from "../../../src/runtime/index.ts";
import { withInner } from "../hostile/binary.ts";
import type { Bytes } from "../hostile/hostile-case.ts";
import { WASI_WIT } from "../support/wasi-wit.ts";
import { CONTEXT, LIMITS, prepareHere, request } from "../support/runs.ts";
import { EMPTY_SUCCESS, IMPORT_ABORT, IMPORT_LOG, watComponent } from "../support/wat-component.ts";

const IMPORTS = `${IMPORT_LOG} ${IMPORT_ABORT}
  (import "wasi:random/random@0.2.3" "get-random-bytes" (func $bytes (param i64 i32)))
  (import "wasi:random/random@0.2.3" "get-random-u64" (func $random (result i64)))
  (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.3" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
  (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $sleep (param i64) (result i32)))
  (import "wasi:io/poll@0.2.3" "poll" (func $poll (param i32 i32 i32)))`;

/** A quiet machine takes 1 to 7 ns; without a price by the byte, or with work that grows by the call, it is hundreds. */
const MAX_NS_PER_UNIT = 60;
const TIMES = 3_000;

function again(times: number, before: string, body: string): string {
  return `(local $n i32) (local $stream i32) ${before}
    (loop $again ${body}
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const ${times}))))
    ${EMPTY_SUCCESS}`;
}

/** An allocator that always gives the same room. */
const SAME_ROOM = `(if (result i32) (global.get $armed) (then (i32.const 65536)) (else
  (global.set $heap (i32.add (global.get $heap) (i32.const 1024))) (i32.sub (global.get $heap) (i32.const 1024))))`;
const ARM = `(global.set $armed (i32.const 1))`;
const WRITE = (bytes: number): string =>
  `(call $write (local.get $stream) (i32.const 65536) (i32.const ${bytes}) (i32.const 4000))`;
const NEWLINES = `(memory.fill (i32.const 65536) (i32.const 10) (i32.const 32000))`;
const WRITE_NEWLINES = `(call $write (call $stdout) (i32.const 65536) (i32.const 32000) (i32.const 4000))`;
const OPEN_LINE = `(local.set $stream (call $stdout)) ${WRITE(65_536)} ${WRITE(65_536)} ${WRITE(65_536)}`;

function guestOf(handle: string): ReturnType<typeof watComponent> {
  const fields = `(global $armed (mut i32) (i32.const 0))`;
  return watComponent({ imports: IMPORTS, wit: WASI_WIT, handle, fields, realloc: SAME_ROOM, memory: "8" });
}

const MORE = { maxHostCalls: 1_000_000, maxLogBytes: 1_048_576, fuel: 10_000_000_000 };

async function run(handle: string): Promise<RunReport> {
  await using sandbox = createInlineSandbox();
  return sandbox.run(request(await prepareHere(await guestOf(handle)), { limits: MORE }));
}

/** CPU time of this thread for a unit of fuel, the least of three runs: the machine may be busy, and V8 has to warm up. */
async function nsPerUnit(guest: Promise<Bytes>, outcome = "success"): Promise<number> {
  const component = compileComponent(await prepareHere(await guest));
  const pool = new MemoryPool(0);
  const runs = [1, 2, 3].map(() => {
    const before = process.threadCpuUsage();
    const report = runStep({ component, context: CONTEXT, limits: { ...LIMITS, ...MORE }, sourceMap: undefined }, pool);
    const { user, system } = process.threadCpuUsage(before);
    expect(report.outcome.kind).toBe(outcome);
    return ((user + system) * 1_000) / report.usage.fuelUsed;
  });
  return Math.min(...runs);
}

describe("a host call", () => {
  it.each([
    ["random bytes", again(100, ARM, `(call $bytes (i64.const 65536) (i32.const 4000))`)],
    ["random numbers", again(TIMES, "", `(drop (call $random))`)],
    ["empty writes behind an open line", again(TIMES, OPEN_LINE, WRITE(0))],
    ["short writes behind an open line", again(TIMES, OPEN_LINE, WRITE(1))],
    [
      "log lines",
      again(TIMES, "", `(call $log (i32.const 2) (i32.const 0) (i32.const 100) (i32.const 0) (i32.const 100))`),
    ],
    [
      "polls of a long list",
      again(
        20,
        `${ARM} (local.set $stream (call $sleep (i64.const 0)))
         (loop $fill (i32.store (i32.add (i32.const 262144) (i32.shl (local.get $n) (i32.const 2))) (local.get $stream))
           (br_if $fill (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20000))))
         (local.set $n (i32.const 0))`,
        `(call $poll (i32.const 262144) (i32.const 20000) (i32.const 4000))`,
      ),
    ],
    ["lines out of one write", `${NEWLINES} ${WRITE_NEWLINES} ${EMPTY_SUCCESS}`],
  ])("costs what it takes: %s", async (_, handle) => {
    expect(await nsPerUnit(guestOf(handle))).toBeLessThan(MAX_NS_PER_UNIT);
  });

  it("is paid before it is done", async () => {
    const artifact = await prepareHere(
      await guestOf(`${ARM} (call $bytes (i64.const 65536) (i32.const 4000)) ${EMPTY_SUCCESS}`),
    );
    await using sandbox = createInlineSandbox();
    const { usage } = await sandbox.run(request(artifact));
    // One byte less than what making them takes: the guest's allocator is not asked any more.
    const { outcome } = await sandbox.run(request(artifact, { limits: { fuel: usage.fuelUsed - 65_536 } }));
    expect(outcome.kind).toBe("out-of-fuel");
    expect(usage.fuelUsed).toBeGreaterThan(2 * 65_536);
  });

  it("writes no more at once than check-write allows", async () => {
    const { outcome } = await run(
      `(call $write (call $stdout) (i32.const 65536) (i32.const 65537) (i32.const 4000)) ${EMPTY_SUCCESS}`,
    );
    expect(outcome).toMatchObject({ kind: "trap", message: expect.stringContaining("65537") });
  });
});

/** What crosses between two components: `$t` of the definitions, out of a function or into it. */
interface Crossing {
  readonly types: string;
  readonly signature: string;
  /** Parameters and body of the callee's core function. */
  readonly callee: string;
  /** Parameters of the caller's core import, and what it is called with. */
  readonly params: string;
  readonly args: string;
}

/** In a start function: a component inside is called 200 times. Both memories have the same content. */
function calling({ types, signature, callee, params, args }: Crossing): Promise<Bytes> {
  const memory = `
    (core module $mm (memory (export "memory") 4)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
      (data (i32.const 8) "\\40\\00\\00\\00\\20\\00\\00\\00"))
    (core instance $mm (instantiate $mm))
    (alias core export $mm "memory" (core memory $memory)) (alias core export $mm "realloc" (core func $realloc))`;
  return withInner(`(component
    (component $child ${memory} ${types}
      (core module $n (func (export "go") ${callee}))
      (core instance $n (instantiate $n))
      (func $go ${signature} (canon lift (core func $n "go") (memory $memory) (realloc $realloc)))
      (export "go" (func $go)))
    (instance $child (instantiate $child))
    ${memory}
    (core func $go (canon lower (func $child "go") (memory $memory) (realloc $realloc)))
    (core module $m (import "a" "go" (func $go (param ${params})))
      (func $s (local $n i32) (loop $again (call $go ${args})
        (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 200)))))
      (start $s))
    (core instance (instantiate $m (with "a" (instance (export "go" (func $go)))))))`);
}

function given(types: string, at: number): Promise<Bytes> {
  const callee = `(result i32) (i32.const ${at})`;
  return calling({ types, signature: "(result $t)", callee, params: "i32", args: "(i32.const 8192)" });
}

function taken(types: string, params: string, args: string): Promise<Bytes> {
  return calling({ types, signature: `(param "p" $t)`, callee: `(param ${params})`, params, args });
}

const ROW = `(type $row (tuple ${"bool ".repeat(200)}))`;
const WIDE = `${ROW} (type $t (tuple ${"$row ".repeat(19)}))`;
const OPTIONS = `(type $o (option bool)) (type $row (tuple ${"$o ".repeat(100)}))`;
const LIST = `${OPTIONS} (type $t (list $row))`;
const CASES = `${OPTIONS} (type $t (result $row (error $row)))`;
/** An option of an option … of a number: each level has all the core values of those inside it. */
const DEEP = `(type $d0 (option u64)) ${Array.from({ length: 14 }, (_, at) => `(type $d${at + 1} (option $d${at}))`).join("")} (type $t (option $d13))`;
const DEEP_ARGS = `${"(i32.const 1) ".repeat(15)} (i64.const 1)`;

describe("a call between components inside a component", () => {
  it.each([
    ["a result of 4,000 members", given(WIDE, 64)],
    ["a parameter of 4,000 members", taken(WIDE, "i32", "(i32.const 64)")],
    ["a result that is a list of wide elements", given(LIST, 8)],
    ["a parameter that is a list of wide elements", taken(LIST, "i32 i32", "(i32.const 64) (i32.const 32)")],
    ["cases with many cases inside", given(CASES, 64)],
    ["cases inside cases, without memory", taken(DEEP, `${"i32 ".repeat(15)} i64`, DEEP_ARGS)],
  ])("costs what it takes: %s", async (_, guest) => {
    expect(await nsPerUnit(guest)).toBeLessThan(MAX_NS_PER_UNIT);
  });
});

describe("growth by nothing", () => {
  it("costs what it takes, of a memory that 80 instances share", async () => {
    const guest = withInner(`(component
      (core module $a (memory (export "m") 1)) (core instance $a (instantiate $a))
      (core module $b (import "a" "m" (memory 0)))
      ${`(core instance (instantiate $b (with "a" (instance $a))))`.repeat(80)}
      (core module $c (import "a" "m" (memory 0))
        (func $s (local $n i32) (loop $again (drop (memory.grow (i32.const 0)))
          (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20000)))))
        (start $s))
      (core instance (instantiate $c (with "a" (instance $a)))))`);
    expect(await nsPerUnit(guest)).toBeLessThan(MAX_NS_PER_UNIT);
  });
});

describe("the way into a step and out of it", () => {
  it("is paid by what the step brings", async () => {
    const artifact = await prepareHere(await watComponent({ handle: EMPTY_SUCCESS }));
    await using sandbox = createInlineSandbox();
    const [small, large, listed] = await Promise.all(
      [
        {},
        { inputsJson: `"${"x".repeat(10_000)}"` },
        { dependencyResults: Array.from({ length: 100 }, () => ({ stepName: "a", resultJson: "1" })) },
      ].map(async (context) => (await sandbox.run(request(artifact, { context }))).usage.fuelUsed),
    );
    // `{}` is two bytes of the first; the guest's allocator copies nothing for a new block.
    expect((large ?? 0) - (small ?? 0)).toBe(10_000);
    // Three values and 16 bytes for each of the list, two texts of one byte each, and the allocator.
    expect((listed ?? 0) - (small ?? 0)).toBeGreaterThan(100 * (3 * 8 + 16 + 2));
  });

  it.each([
    [65_000, "success"],
    [65_600, "output-exceeded"],
  ])("is paid by what the step returns: %d empty attributes, judged as %s", async (attributes, outcome) => {
    const handle = `
      ${EMPTY_SUCCESS.replace(/\(i32.const 2048\)\s*$/, "")}
      (i32.store (i32.const 2072) (i32.const 65536)) (i32.store (i32.const 2076) (i32.const ${attributes})) (i32.const 2048)`;
    expect(await nsPerUnit(watComponent({ handle, memory: "24" }), outcome)).toBeLessThan(MAX_NS_PER_UNIT);
  });

  it("leaves a run alone that has exactly enough, and stops one that lacks a single unit", async () => {
    const artifact = await prepareHere(await watComponent({ handle: EMPTY_SUCCESS }));
    await using sandbox = createInlineSandbox();
    const { usage } = await sandbox.run(request(artifact));
    const runs = [0, 1, 2, 100].map(async (less) => {
      const fuel = usage.fuelUsed - less;
      const { outcome, usage: used } = await sandbox.run(request(artifact, { limits: { fuel } }));
      return [outcome.kind, used.fuelUsed - fuel];
    });
    expect(await Promise.all(runs)).toEqual([
      ["success", 0],
      ["out-of-fuel", 0],
      ["out-of-fuel", 0],
      ["out-of-fuel", 0],
    ]);
  });
});

describe("a guest that goes on after it was stopped", () => {
  const ABORT = `(block $h (try_table (catch_all $h) (call $abort (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))`;
  let once: RunReport;
  beforeAll(async () => {
    once = await run(`${ABORT} ${EMPTY_SUCCESS}`);
  });

  it.each([
    [
      "with host calls",
      `(loop $again (block $i (try_table (catch_all $i) (drop (call $random)))) (br $again)) unreachable`,
    ],
    ["with work of its own", `(loop $again (br $again)) unreachable`],
  ])("is stopped at its next look at the fuel, and used what it had: %s", async (_, more) => {
    const { outcome, usage } = await run(`${ABORT} ${more}`);
    expect(outcome).toEqual(once.outcome);
    expect(outcome.kind).toBe("failure");
    expect(Math.abs(usage.fuelUsed - once.usage.fuelUsed)).toBeLessThan(200);
  });
});
