/** Memories to use again, and a process that has no addresses left for another. */
import { describe, expect, it } from "vitest";
import { compileComponent } from "../../../src/runtime/execute/compiled-component.ts";
import { MemoryPool } from "../../../src/runtime/execute/memory-pool.ts";
import { runStep } from "../../../src/runtime/execute/run-step.ts";
import { CONTEXT, LIMITS, prepareHere } from "../support/runs.ts";
import { EMPTY_SUCCESS, watComponent } from "../support/wat-component.ts";

describe("a pool of memories", () => {
  it("keeps no more idle ones than its bytes allow, also of those that have no page", () => {
    const pool = new MemoryPool(10 * 65_536);
    const maxima = Array.from({ length: 30 }, (_, at) => at + 1);
    const first = new Set(
      maxima.map((maximum) => {
        const memory = pool.take(0, maximum);
        pool.giveBack(memory, 0, maximum);
        return memory;
      }),
    );
    expect(maxima.filter((maximum) => first.has(pool.take(0, maximum)))).toHaveLength(10);
  });
});

describe("a step in a process without addresses", () => {
  it("is lost and may run again, and the process serves the next one", async () => {
    const component = compileComponent(await prepareHere(await watComponent({ handle: EMPTY_SUCCESS })));
    const run = { component, context: CONTEXT, limits: LIMITS, sourceMap: undefined };
    const pool = new MemoryPool(LIMITS.maxMemoryBytes);
    const held = allThereAre();
    expect(runStep(run, pool).outcome).toEqual({
      kind: "sandbox-lost",
      reason: "the process had no addresses left for a memory",
    });
    held.length = 0;
    expect(runStep(run, pool).outcome.kind).toBe("success");
  });
});

/** V8 reserves gigabytes for each, so that some thousands are all. */
function allThereAre(): WebAssembly.Memory[] {
  const held: WebAssembly.Memory[] = [];
  for (;;) {
    try {
      held.push(new WebAssembly.Memory({ initial: 0, maximum: 65_536 }));
    } catch (error) {
      if (error instanceof RangeError) return held;
      throw error;
    }
  }
}
