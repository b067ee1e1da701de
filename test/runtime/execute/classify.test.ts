/** Errors that V8 throws while core modules are instantiated, with start functions under way: outcomes, not a host's death. */
import { describe, expect, it } from "vitest";
import { classify } from "../../../src/runtime/execute/classify.ts";
import { compileComponent } from "../../../src/runtime/execute/compiled-component.ts";
import { runGuest } from "../../../src/runtime/execute/guest-run.ts";
import { MemoryPool } from "../../../src/runtime/execute/memory-pool.ts";
import { runStep } from "../../../src/runtime/execute/run-step.ts";
import { WASI_WIT } from "../support/wasi-wit.ts";
import { CONTEXT, LIMITS, prepareHere } from "../support/runs.ts";
import { EMPTY_SUCCESS, watComponent } from "../support/wat-component.ts";

/** `describe` runs at a time of its own, so that the upload passes. */
const DESCENDS_IN_STEPS = {
  wit: WASI_WIT,
  imports: `(import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))`,
  handle: EMPTY_SUCCESS,
  fields: `(func $deep (call $deep))
    (func $s (if (i64.gt_u (call $now) (i64.const 1000000000)) (then (call $deep)))) (start $s)`,
};

describe("a start function", () => {
  it("that recurses beyond V8's own stack has exhausted that", async () => {
    const component = compileComponent(await prepareHere(await watComponent(DESCENDS_IN_STEPS)));
    // Far more depth than this process has stack for: V8's RangeError comes first.
    const limits = { ...LIMITS, maxCallDepth: 32_767 };
    const run = { component, context: CONTEXT, limits, sourceMap: undefined };
    expect(runStep(run, new MemoryPool(0)).outcome).toEqual({ kind: "stack-exhausted", engineStack: true });
  });

  it("that leaves a table or memory as the next module cannot import it has trapped", async () => {
    const component = compileComponent(await prepareHere(await watComponent({ handle: EMPTY_SUCCESS })));
    const args = (): never => {
      throw new WebAssembly.LinkError("table import 0 has 1 elements");
    };
    const setting = { nowMs: 1, seed: 0n };
    const run = runGuest(component, component.handle, args, LIMITS, setting, new MemoryPool(0));
    const { artifact } = component;
    expect(classify(run, LIMITS, { map: undefined, artifact })).toMatchObject({ kind: "trap" });
  });
});
