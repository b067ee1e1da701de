import type { Clock } from "../../core/clock.ts";

/** Waits between tries, in milliseconds; the last one repeats. */
const WAITS_MS = [50, 100, 250, 500, 1_000];

/** Calls `body` until it succeeds. Rejects with its last error once the monotonic clock says `deadlineMs`; it is called once in any case. */
export async function repeatUntil(clock: Clock, deadlineMs: number, body: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await body();
      return;
    } catch (error) {
      if (clock.monotonicMs() >= deadlineMs) throw error;
      await clock.wait(WAITS_MS[Math.min(tries, WAITS_MS.length) - 1] ?? 1_000);
    }
  }
}
