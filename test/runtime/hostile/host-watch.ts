/** What an attack does to the host itself, seen every ten milliseconds: its memory, and when the machine did not let it run. */

const SAMPLE_MS = 10;

/** A while in which this process neither worked nor looked at the clock, although it should have. */
interface Stall {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lostMs: number;
}

export class HostWatch implements Disposable {
  readonly #timer: NodeJS.Timeout;
  readonly #stalls: Stall[] = [];
  readonly #bytesBefore: number;
  #highestBytes: number;
  #lookedAtMs = performance.now();
  #workedMs = workedMs();

  constructor() {
    globalThis.gc?.();
    this.#bytesBefore = process.memoryUsage.rss();
    this.#highestBytes = this.#bytesBefore;
    this.#timer = setInterval(() => this.look(), SAMPLE_MS);
  }

  /** By how much resident memory was higher at its highest than at the beginning. */
  get grownBytes(): number {
    return this.#highestBytes - this.#bytesBefore;
  }

  look(): void {
    this.#highestBytes = Math.max(this.#highestBytes, process.memoryUsage.rss());
    const fromMs = this.#lookedAtMs;
    const worked = workedMs();
    const toMs = performance.now();
    // A host that an attack keeps at work has the processor: that is no stall.
    const lostMs = toMs - fromMs - SAMPLE_MS - (worked - this.#workedMs);
    if (lostMs > SAMPLE_MS) this.#stalls.push({ fromMs, toMs, lostMs });
    this.#lookedAtMs = toMs;
    this.#workedMs = worked;
  }

  /** Milliseconds between the two moments, without those in which this process could not run. */
  passedMs(fromMs: number, toMs: number): number {
    const lost = this.#stalls.map((stall) =>
      Math.max(0, Math.min(stall.lostMs, Math.min(toMs, stall.toMs) - Math.max(fromMs, stall.fromMs))),
    );
    return toMs - fromMs - lost.reduce((sum, ms) => sum + ms, 0);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function workedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
