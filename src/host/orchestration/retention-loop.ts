import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import type { PruneBefore, PrunedRows } from "../database/prune.ts";

/** How long rows are kept, in milliseconds; 0: for ever. */
export interface RetentionTimes {
  readonly finishedTasksMs: number;
  readonly queueArchivesMs: number;
  readonly leaseHistoryMs: number;
  readonly auditMs: number;
}

export interface RetentionLoopOptions {
  readonly times: RetentionTimes;
  readonly intervalMs: number;
  /** Deletes what is from before these times; ends early when the signal aborts. */
  readonly prune: (before: PruneBefore, signal: AbortSignal) => Promise<PrunedRows>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** True where something is not kept for ever. */
export function prunesAnything({ finishedTasksMs, queueArchivesMs, leaseHistoryMs, auditMs }: RetentionTimes): boolean {
  return [finishedTasksMs, queueArchivesMs, leaseHistoryMs, auditMs].some((ms) => ms > 0);
}

/** What is older than it is kept, now. */
export function prunableBefore(times: RetentionTimes, nowMs: number): PruneBefore {
  const before = (keptMs: number): number | undefined => (keptMs > 0 ? nowMs - keptMs : undefined);
  return {
    tasksMs: before(times.finishedTasksMs),
    archivesMs: before(times.queueArchivesMs),
    leasesMs: before(times.leaseHistoryMs),
    auditMs: before(times.auditMs),
  };
}

/** Deletes in the background what is older than it is to be kept. Every host may run it: they share the work. */
export class RetentionLoop implements Service {
  readonly #options: RetentionLoopOptions;
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: RetentionLoopOptions) {
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
    const { clock, intervalMs } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await this.#prune();
      await clock.wait(intervalMs, this.#stopped.signal);
    }
  }

  async #prune(): Promise<void> {
    const { prune, times, clock, logger } = this.#options;
    try {
      const rows = await prune(prunableBefore(times, clock.now()), this.#stopped.signal);
      if (Object.values(rows).some((count) => count > 0)) logger.info({ ...rows }, "deleted what was kept long enough");
    } catch (error) {
      logger.warn({ err: error }, "old rows not deleted, trying again");
    }
  }
}
