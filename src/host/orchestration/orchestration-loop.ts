import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import type { WokenSteps } from "../database/due-steps.ts";

export interface OrchestrationLoopOptions {
  /** Enqueues steps whose retry is due, and says when the next one is. */
  readonly wakeDueSteps: (limit: number) => Promise<WokenSteps>;
  /** Takes charge of steps that another orchestrator left behind; how many, 0 when there are none left. */
  readonly adoptSteps: (limit: number) => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const STEPS_AT_ONCE = 100;
/** A retry that another report schedules meanwhile is found after this time at the latest. */
const LONGEST_WAIT_MS = 500;

/**
 * The part of embedded orchestration that no report triggers: when the host starts it adopts what another orchestrator left
 * behind, and steps that wait for their retry are enqueued when their time has come. Every host runs it; the database lets
 * each step be woken once.
 */
export class OrchestrationLoop implements Service {
  readonly #options: OrchestrationLoopOptions;
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;
  /** The last look failed: said once, not at every look. */
  #failing = false;
  #adopted = false;

  constructor(options: OrchestrationLoopOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    this.#loop ??= this.#run();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#options.clock.wait(await this.#wake(), this.#stopped.signal);
    }
  }

  /** Wakes what is due; how long to wait before the next look. */
  async #wake(): Promise<number> {
    try {
      if (!this.#adopted) await this.#adopt();
      const { nextDueInMs } = await this.#options.wakeDueSteps(STEPS_AT_ONCE);
      this.#failing = false;
      return Math.min(nextDueInMs ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS);
    } catch (error) {
      if (!this.#failing) this.#options.logger.warn({ err: error }, "due retries not woken, trying again");
      this.#failing = true;
      return LONGEST_WAIT_MS;
    }
  }

  async #adopt(): Promise<void> {
    const { adoptSteps, logger } = this.#options;
    let adopted = 0;
    for (let more = STEPS_AT_ONCE; more > 0 && !this.#stopped.signal.aborted; adopted += more) {
      more = await adoptSteps(STEPS_AT_ONCE);
    }
    this.#adopted = true;
    if (adopted > 0) logger.info({ steps: adopted }, "took charge of steps that another orchestrator left behind");
  }
}
