import { expect, it } from "vitest";
import { repeatUntil } from "../../src/host/worker/repeat-until.ts";
import { ManualClock } from "../runtime/support/manual-clock.ts";

it("repeatUntil() tries until it succeeds, and gives up when its time is over", async () => {
  const clock = new ManualClock();
  let tries = 0;
  const run = (deadlineMs: number, succeedsAt: number): Promise<unknown> => {
    tries = 0;
    const ended = repeatUntil(clock, clock.now() + deadlineMs, () => {
      tries += 1;
      return tries < succeedsAt ? Promise.reject(new Error("away")) : Promise.resolve();
    });
    return clock.passUntil(
      ended.then(() => "done", String),
      100,
    );
  };
  expect(await run(10_000, 4)).toBe("done");
  expect(tries).toBe(4);
  expect(await run(2_000, 1_000)).toBe("Error: away");
  expect(await run(0, 2)).toBe("Error: away");
  expect(tries).toBe(1);
});
