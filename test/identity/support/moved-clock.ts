import type { Clock } from "../../../src/core/clock.ts";

/** A clock that a test moves by hand; nothing waits by it. */
export function movedClock(startMs: number): Clock & { nowMs: number } {
  return {
    nowMs: startMs,
    now() {
      return this.nowMs;
    },
    monotonicMs() {
      return this.nowMs;
    },
    wait: () => Promise.resolve(),
  };
}
