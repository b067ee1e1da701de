import { type Clock, systemClock } from "../../../src/core/clock.ts";

/** A clock that stands still until it is started: a deadline by it counts nothing of what comes before, such as the start of a process. */
export class ClockOfStage implements Clock {
  #startedAtMs: number | undefined;

  start(): void {
    this.#startedAtMs = performance.now();
  }

  now(): number {
    return systemClock.now();
  }

  monotonicMs(): number {
    return this.#startedAtMs === undefined ? 0 : performance.now() - this.#startedAtMs;
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.wait(ms, signal);
  }
}
