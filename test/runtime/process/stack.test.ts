import { execFileSync } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/core/logger.ts";
import { createProcessSandbox, MAX_CALL_DEPTH, requireCallDepth, type Sandbox } from "../../../src/runtime/index.ts";
import {
  GENEROUS_STACK_KILOBYTES,
  refuseSmallStack,
  stackKilobytesWithin,
} from "../../../src/runtime/process/stack.ts";
import { probeWalls } from "../../../src/runtime/process/walls.ts";
import { prepareHere, request } from "../support/runs.ts";
import { watComponent } from "../support/wat-component.ts";

const LARGEST_CONFIGURED = 16_384;
/** Frames that live across the call, as large as a unit of depth may be. */
const DOWN = {
  handle: `(call $down (i32.const 0))`,
  fields: `(func $down (param i32) (result i32) (local ${"i64 ".repeat(28)})
    ${Array.from({ length: 28 }, (_, at) => `(local.set ${at + 1} (i64.load (i32.const ${at * 8})))`).join(" ")}
    (drop (call $down (local.get 0)))
    ${Array.from({ length: 28 }, (_, at) => `(i64.store (i32.const ${at * 8}) (local.get ${at + 1}))`).join(" ")}
    (i32.const 0))`,
};
const { stackKilobytes } = await probeWalls();
let sandbox: Sandbox | undefined;

afterEach(async () => {
  await sandbox?.stop();
});

describe("stackKilobytesWithin()", () => {
  it.each([
    ["the usual limit", "Max stack size             8388608              unlimited            bytes", 6_000],
    ["a small one", "Max stack size             1048576              1048576              bytes", 750],
    ["none", "Max stack size             unlimited            unlimited            bytes", 6_000],
    [
      "a huge one",
      "Max stack size             1073741824           unlimited            bytes",
      GENEROUS_STACK_KILOBYTES,
    ],
    ["one that nothing tells", undefined, 6_000],
  ])("leaves a quarter of %s to what V8 does not count", (_, limits, expected) => {
    expect(stackKilobytesWithin(limits && `Max cpu time  unlimited unlimited seconds\n${limits}\n`)).toBe(expected);
  });

  it.skipIf(process.platform !== "linux")("is what a process of that limit can use without dying [Linux only]", () => {
    const kilobytes = stackKilobytesWithin(
      "Max stack size             2097152              unlimited            bytes",
    );
    const code =
      "const down = (n) => down(n + 1) + 1; try { down(0) } catch (error) { console.log(error.constructor.name) }";
    const script = `ulimit -s 2048; exec "$0" --stack-size=${kilobytes} -e '${code}'`;
    expect(execFileSync("/bin/sh", ["-c", script, process.execPath], { encoding: "utf8" })).toBe("RangeError\n");
  });
});

describe("refuseSmallStack()", () => {
  it("refuses a call depth that V8's stack would not hold, and says what it takes", () => {
    expect(() => refuseSmallStack(750, 8_000)).toThrow(
      expect.objectContaining({
        code: "TSK_SANDBOX_STACK_TOO_SMALL",
        found: "750 KiB that V8 may use",
        accepted: "at least 2128 KiB",
      }),
    );
    expect(() => refuseSmallStack(6_000, MAX_CALL_DEPTH)).toThrow("8320 KiB");
  });

  it("lets everything that can be configured pass under the usual limit", () => {
    expect(refuseSmallStack(6_000, LARGEST_CONFIGURED)).toBeUndefined();
    expect(refuseSmallStack(GENEROUS_STACK_KILOBYTES, MAX_CALL_DEPTH)).toBeUndefined();
  });
});

describe("the deepest call of a sandbox process", () => {
  const depth = stackKilobytes >= GENEROUS_STACK_KILOBYTES ? MAX_CALL_DEPTH : LARGEST_CONFIGURED;

  it("ends by its own limit, at the same fuel each time, and half of it half as deep", async () => {
    await requireCallDepth(depth);
    const used = createProcessSandbox({
      namespace: "test",
      maxProcesses: 1,
      idleStopMs: 60_000,
      maxResidentBytes: 1_073_741_824,
      logger: silentLogger,
    });
    sandbox = used;
    const artifact = await prepareHere(await watComponent(DOWN));
    const spent = async (maxCallDepth: number): Promise<readonly number[]> => {
      const rounds = Array.from({ length: 10 }, () => used.run(request(artifact, { limits: { maxCallDepth } })));
      const reports = await Promise.all(rounds);
      expect(new Set(reports.map((report) => report.outcome.kind))).toEqual(new Set(["stack-exhausted"]));
      return Array.from(new Set(reports.map((report) => report.usage.fuelUsed)));
    };
    const [half = 0, ...others] = await spent(depth >> 1);
    const [whole = 0, ...more] = await spent(depth);
    expect([others, more]).toEqual([[], []]);
    // Where V8's own end came first, both would have come as deep. To begin costs the same for both.
    expect(whole / half).toBeCloseTo(2, 1);
  });
});
