import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { OrchestrationLoop, type OrchestrationLoopOptions } from "../../src/host/orchestration/orchestration-loop.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";

function setup(adoptSteps: OrchestrationLoopOptions["adoptSteps"]) {
  const clock = new ManualClock();
  const seen = { looks: 0, adoptions: 0 };
  const loop = new OrchestrationLoop({
    wakeDueSteps: () => {
      seen.looks += 1;
      return Promise.resolve({ woken: 0, nextDueInMs: undefined });
    },
    adoptSteps: (limit) => {
      seen.adoptions += 1;
      return adoptSteps(limit);
    },
    clock,
    logger: silentLogger,
  });
  const pass = async (ms: number): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { loop, seen, pass };
}

describe("OrchestrationLoop", () => {
  it.each([
    ["fails every time", () => Promise.reject(new Error("statement timeout"))],
    ["has no answer", () => new Promise<never>(() => undefined)],
  ])("goes on waking retries while adoption %s", async (_name, adoptSteps) => {
    const { loop, seen, pass } = setup(adoptSteps);
    await loop.start();
    for (let halves = 0; halves < 10; halves += 1) await pass(500);
    expect(seen.looks).toBeGreaterThanOrEqual(10);
    expect(seen.adoptions).toBeLessThanOrEqual(3);
  });

  it("adopts until nothing is left, and comes back for what somebody holds", async () => {
    const answers = [
      { adopted: 100, locked: 0 },
      { adopted: 3, locked: 2 },
      { adopted: 0, locked: 2 },
      { adopted: 2, locked: 0 },
      { adopted: 0, locked: 0 },
    ];
    const { loop, seen, pass } = setup(() => Promise.resolve(answers.shift() ?? { adopted: 0, locked: 0 }));
    await loop.start();
    await pass(0);
    expect(seen.adoptions).toBe(3);
    for (let seconds = 0; seconds < 30; seconds += 1) await pass(1_000);
    expect(seen.adoptions).toBe(5);
    await loop.stop();
  });
});
