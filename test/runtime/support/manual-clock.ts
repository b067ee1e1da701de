import type { Clock } from "../../../src/core/clock.ts";

/** A clock that a test moves. */
export class ManualClock implements Clock {
  #now = 1_700_000_000_000;
  readonly #waits = new Set<{ readonly at: number; readonly done: () => void }>();

  now(): number {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const entry = {
        at: this.#now + ms,
        done: (): void => {
          this.#waits.delete(entry);
          resolve();
        },
      };
      this.#waits.add(entry);
      signal?.addEventListener("abort", entry.done, { once: true });
    });
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const entry of Array.from(this.#waits)) if (entry.at <= this.#now) entry.done();
  }

  /** Moves on by `stepMs`, again and again, until `what` is settled. */
  async passUntil<T>(what: Promise<T>, stepMs: number): Promise<T> {
    const state = { over: false };
    const settled = what.finally(() => {
      state.over = true;
    });
    settled.catch(() => undefined); // It may fail before it is waited for.
    while (!state.over) {
      await new Promise((resolve) => setImmediate(resolve));
      this.advance(stepMs);
    }
    return settled;
  }
}
