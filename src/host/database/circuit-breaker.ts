import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";

/** `closed`: statements go through. `open`: they fail at once. `half-open`: one probe is under way, statements still fail. */
export type CircuitState = "closed" | "open" | "half-open";

export interface CircuitBreakerOptions {
  /** Resolves where the database answers on a new connection; rejects otherwise, within some seconds. */
  readonly probe: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Statements that fail one after the other before the circuit opens. */
const FAILURES_TO_OPEN = 3;

/**
 * Waits before each probe, in milliseconds; the last one repeats. With the probe's own two seconds the host is back at work
 * within four seconds after Postgres is, and a server that starts is not stormed.
 */
const PROBE_WAITS_MS = [50, 250, 500, 1_000];

/** Share by which a wait is shortened at random: the hosts of a fleet lose their server at the same moment. */
const JITTER = 0.3;

/**
 * The switch between the host and a database in trouble. While it is open nobody waits for connections that will not come:
 * statements fail at once, claims rest, results are held, readiness is red. One probe at a time finds out when that is over.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #stopped = new AbortController();
  readonly #listeners: ((state: CircuitState) => void)[] = [];
  #state: CircuitState = "closed";
  #failures = 0;
  #reason = "";
  #probing: Promise<void> | undefined;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** What opened it last, for messages. */
  get reason(): string {
    return this.#reason;
  }

  /** Calls `listener` at every change, with the new state. */
  onChange(listener: (state: CircuitState) => void): void {
    this.#listeners.push(listener);
  }

  /** A statement was answered. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** A statement failed because of the database's state. */
  failed(reason: string): void {
    this.#failures += 1;
    if (this.#failures >= FAILURES_TO_OPEN) this.open(reason);
  }

  /** Opens now, and closes by itself when a probe is answered. */
  open(reason: string): void {
    if (this.#state !== "closed" || this.#stopped.signal.aborted) return;
    this.#reason = reason;
    this.#options.logger.warn({ reason }, "the database is away: claims rest, results are held");
    this.#become("open");
    this.#probing = this.#probeUntilAnswered();
  }

  /** Ends the probes; the state stays. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#probing;
  }

  async #probeUntilAnswered(): Promise<void> {
    const { probe, clock, logger } = this.#options;
    const { signal } = this.#stopped;
    const sinceMs = clock.monotonicMs();
    for (let probes = 0; ; probes += 1) {
      const waitMs = PROBE_WAITS_MS[Math.min(probes, PROBE_WAITS_MS.length - 1)] ?? 1_000;
      await clock.wait(waitMs * (1 - Math.random() * JITTER), signal);
      if (signal.aborted) return;
      this.#become("half-open");
      try {
        await probe();
        this.#failures = 0;
        logger.info({ awayMs: clock.monotonicMs() - sinceMs }, "the database answers again");
        this.#become("closed");
        return;
      } catch (error) {
        logger.debug({ err: error }, "the database does not answer yet");
        this.#become("open");
      }
    }
  }

  #become(state: CircuitState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
