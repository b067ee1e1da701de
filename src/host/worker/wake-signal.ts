import type { Clock } from "../../core/clock.ts";

/**
 * Wakes a loop: by `wake()`, or by itself after a while. A wake that comes while nobody waits is kept,
 * so that no notification falls between "nothing there" and "waiting".
 */
export class WakeSignal {
  #pending = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  /** Resolves at the next wake, after `maxWaitMs`, or when `signal` aborts. */
  async wait(clock: Clock, maxWaitMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted) {
      const woken = new AbortController();
      this.#resolve = () => woken.abort();
      await clock.wait(maxWaitMs, AbortSignal.any([woken.signal, signal]));
      this.#resolve = undefined;
    }
    this.#pending = false;
  }
}
