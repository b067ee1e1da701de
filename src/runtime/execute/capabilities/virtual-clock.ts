const NS_PER_MS = 1_000_000n;

/**
 * Time as a guest sees it: it starts at the step's `now-ms` and moves only when the guest waits for it,
 * so that the same step sees the same time on every machine.
 */
export class VirtualClock {
  #nowNs: bigint;

  constructor(nowMs: number) {
    this.#nowNs = BigInt(Math.max(0, Math.trunc(nowMs))) * NS_PER_MS;
  }

  get nowNs(): bigint {
    return this.#nowNs;
  }

  /** `instantNs` is a u64. */
  waitUntil(instantNs: bigint): void {
    if (instantNs > this.#nowNs) this.#nowNs = instantNs;
  }
}
