import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import type { AdoptedSteps, WokenSteps } from "../database/due-steps.ts";

export interface OrchestrationLoopOptions {
  /** Enqueues steps whose retry is due, and says when the next one is. */
  readonly wakeDueSteps: (limit: number) => Promise<WokenSteps>;
  /** Takes charge of steps that another orchestrator left behind. */
  readonly adoptSteps: (limit: number) => Promise<AdoptedSteps>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const STEPS_AT_ONCE = 100;
/** A retry that another report schedules meanwhile is found after this time at the latest. */
const LONGEST_WAIT_MS = 500;
/** Waits before adoption is tried again, in milliseconds; the last one repeats. It may have to read very much. */
const ADOPT_WAITS_MS = [1_000, 5_000, 30_000, 120_000];

/**
 * The part of embedded orchestration that no report triggers: when the host starts it adopts what another orchestrator left
 * behind, and steps that wait for their retry are enqueued when their time has come. Every host runs it; the database lets
 * each step be woken once. The two do not wait for each other: however long adoption takes, retries go on.
 */
export class OrchestrationLoop implements Service {
  readonly #options: OrchestrationLoopOptions;
  readonly #stopped = new AbortController();
  #loops: Promise<unknown> | undefined;
  /** The last look failed: said once, not at every look. */
  #failing = false;

  constructor(options: OrchestrationLoopOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    this.#loops ??= Promise.all([this.#wakeUntilStopped(), this.#adoptUntilDone()]);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loops;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #wakeUntilStopped(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#options.clock.wait(await this.#wake(), this.#stopped.signal);
    }
  }

  /** Wakes what is due; how long to wait before the next look. */
  async #wake(): Promise<number> {
    try {
      const { nextDueInMs } = await this.#options.wakeDueSteps(STEPS_AT_ONCE);
      this.#failing = false;
      return Math.min(nextDueInMs ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS);
    } catch (error) {
      if (!this.#failing) this.#options.logger.warn({ err: error }, "due retries not woken, trying again");
      this.#failing = true;
      return LONGEST_WAIT_MS;
    }
  }

  async #adoptUntilDone(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopped;
    for (let tries = 0; !signal.aborted; tries += 1) {
      const left = await this.#adopt().catch((error: unknown) => {
        logger.warn({ err: error, tries }, "steps of another orchestrator not adopted, trying again");
        return "unknown";
      });
      if (left === 0) return;
      await clock.wait(ADOPT_WAITS_MS[Math.min(tries, ADOPT_WAITS_MS.length - 1)] ?? 1_000, signal);
    }
  }

  /** Adopts what there is and nobody holds; how many steps somebody holds. */
  async #adopt(): Promise<number> {
    const { adoptSteps, logger } = this.#options;
    let total = 0;
    for (;;) {
      const { adopted, locked } = await adoptSteps(STEPS_AT_ONCE);
      total += adopted;
      if (adopted > 0 && !this.#stopped.signal.aborted) continue;
      if (total > 0) logger.info({ steps: total }, "took charge of steps that another orchestrator left behind");
      return locked;
    }
  }
}
