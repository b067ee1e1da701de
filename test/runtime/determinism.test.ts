/** The same step a thousand times, in several processes beside a busy one: one outcome and one fuel value. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import {
  type Artifact,
  createInlineSandbox,
  createProcessSandbox,
  type RunLimits,
  type Sandbox,
} from "../../src/runtime/index.ts";
import { quickJsComponent } from "./support/javascript-component.ts";
import { prepareHere, request } from "./support/runs.ts";
import { ECHO, EMPTY_SUCCESS, watComponent } from "./support/wat-component.ts";

const RUNS = 1_000;
const OPTIONS = { namespace: "test", idleStopMs: 60_000, maxResidentBytes: 1_073_741_824, logger: silentLogger };
const JAVASCRIPT = `
export const stepHandler = {
  describe: () => ({ name: "js", version: "1", callables: ["test"], sdk: "none/0" }),
  handle(context) {
    const words = JSON.parse(context.context).text.repeat(20).split(" ");
    const seen = new Map(words.map((word, at) => [word + at, Math.random()]));
    const sorted = [...seen].sort(([, a], [, b]) => a - b);
    return { tag: "success", val: { result: JSON.stringify({ sorted, at: Date.now() }), metadata: "{}", attributes: [] } };
  },
};`;

const STEPS: readonly (readonly [
  name: string,
  kind: string,
  make: () => Promise<Uint8Array<ArrayBuffer>>,
  limits: Partial<RunLimits>,
])[] = [
  ["a hand-written echo", "success", () => watComponent({ handle: ECHO }), {}],
  [
    "recursion until the stack is exhausted",
    "stack-exhausted",
    () =>
      watComponent({
        handle: "(call $down (i64.const 0))",
        fields:
          "(func $down (param i64) (result i32) (i32.add (call $down (i64.add (local.get 0) (i64.const 1))) (i32.const 1)))",
      }),
    { maxCallDepth: 8_000 },
  ],
  [
    "a handler on QuickJS",
    "success",
    () => quickJsComponent(JAVASCRIPT),
    { maxMemoryBytes: 67_108_864, maxCallDepth: 8_000 },
  ],
];

/** Each stored before the call and behind it: V8's second tier computes them once and keeps them on the stack meanwhile. */
const KEPT = Array.from({ length: 2_000 }, (_, at) => {
  const value = `(i32.mul (i32.xor (local.get 0) (i32.const ${at * 40_503})) (i32.add (local.get 0) (i32.const ${at * 9_973})))`;
  return `(i32.store offset=${100_000 + at * 4} (i32.const 0) ${value})`;
}).join("\n");
/** Deep enough to overflow V8's stack where those are kept, and at the call depth limit in the end. */
const KEEPS = {
  handle: `(local $n i32)
    (loop $warm
      (drop (call $down (i32.const 1)))
      (br_if $warm (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 500))))
    (drop (call $down (i32.const 3000))) ${EMPTY_SUCCESS}`,
  fields: `(func $down (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
    ${KEPT} (drop (call $down (i32.sub (local.get 0) (i32.const 1)))) ${KEPT} (i32.const 0))`,
};

describe("the same step, a thousand times under load", () => {
  let sandbox: Sandbox;
  let neighbour: Sandbox;
  let busy: Promise<unknown>;

  beforeAll(async () => {
    sandbox = createProcessSandbox({ ...OPTIONS, maxProcesses: 3 });
    neighbour = createProcessSandbox({ ...OPTIONS, maxProcesses: 1 });
    const loop = await prepareHere(await watComponent({ handle: "(loop $again (br $again)) unreachable" }));
    const forever = { fuel: 100_000_000_000_000, timeoutMs: 600_000 };
    busy = neighbour.run(request(loop, { limits: forever }));
  });
  afterAll(async () => {
    await Promise.all([sandbox.stop(), neighbour.stop()]);
    await busy;
  });

  it.each([
    ["success", 16_000, ""],
    ["stack-exhausted", 2_500, ""],
    ["success", 16_000, "(drop (memory.grow (i32.const 60000)))"],
  ] as const)(
    "on whichever of V8's tiers a run comes: %s at a call depth of %i %s",
    async (kind, maxCallDepth, first) => {
      const guest = { ...KEEPS, handle: KEEPS.handle.replace("(loop", `${first} (loop`) };
      const asked = request(await prepareHere(await watComponent(guest)), { limits: { maxCallDepth } });
      // A process that has not seen it, one run after the other: V8 has its second tier ready after the first few.
      await using fresh = createProcessSandbox({ ...OPTIONS, maxProcesses: 1 });
      const seen: unknown[] = [];
      for (let round = 0; round < 40; round += 1) {
        const { outcome, usage } = await fresh.run(asked);
        seen.push({ kind: outcome.kind, fuel: usage.fuelUsed, bytes: usage.peakMemoryBytes });
      }
      expect(seen).toEqual(seen.map(() => seen[0]));
      expect(seen[0]).toMatchObject({ kind });
    },
  );

  it.each(STEPS)("%s: one outcome, one fuel value", async (_, kind, make, limits) => {
    const artifact: Artifact = await prepareHere(await make());
    const asked = request(artifact, { limits });
    const reports = await Promise.all(Array.from({ length: RUNS }, () => sandbox.run(asked)));
    expect(new Set(reports.map(({ outcome }) => JSON.stringify(outcome))).size).toBe(1);
    expect([...new Set(reports.map(({ usage }) => usage.fuelUsed))]).toHaveLength(1);
    expect([...new Set(reports.map(({ usage }) => usage.peakMemoryBytes))]).toHaveLength(1);
    expect(reports[0]?.outcome.kind).toBe(kind);
    // Another process, other flags of V8, a stack of another size: the same again.
    await using inline = createInlineSandbox();
    const here = await inline.run(asked);
    expect([here.outcome, here.usage.fuelUsed]).toEqual([reports[0]?.outcome, reports[0]?.usage.fuelUsed]);
  });
});
