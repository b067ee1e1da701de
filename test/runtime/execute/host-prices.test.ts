/** What the host does for a guest costs fuel in proportion to the time that it takes. */
import { beforeAll, describe, expect, it } from "vitest";
import { compileComponent } from "../../../src/runtime/execute/compiled-component.ts";
import { MemoryPool } from "../../../src/runtime/execute/memory-pool.ts";
import { runStep } from "../../../src/runtime/execute/run-step.ts";
import { createInlineSandbox, type RunReport } from "../../../src/runtime/index.ts";
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
async function nsPerUnit(handle: string): Promise<number> {
  const component = compileComponent(await prepareHere(await guestOf(handle)));
  const pool = new MemoryPool(0);
  const runs = [1, 2, 3].map(() => {
    const before = process.threadCpuUsage();
    const { outcome, usage } = runStep(
      { component, context: CONTEXT, limits: { ...LIMITS, ...MORE }, sourceMap: undefined },
      pool,
    );
    const { user, system } = process.threadCpuUsage(before);
    expect(outcome.kind).toBe("success");
    return ((user + system) * 1_000) / usage.fuelUsed;
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
  ])("costs what it takes: %s", async (_, handle) => {
    expect(await nsPerUnit(handle)).toBeLessThan(MAX_NS_PER_UNIT);
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
