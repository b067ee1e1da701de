import type { Clock } from "../../core/clock.ts";
import { isTaskerError, TaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import { isLastingRefusal } from "../database/database-error.ts";
import type { StepReport, StepVerdict } from "../database/steps.ts";
import type { Metrics } from "../observability/metrics.ts";

/** Persists a batch of results in one round trip and one transaction; embedded or external orchestration by choice of the bootstrap. */
export type ReportSteps = (reports: readonly StepReport[]) => Promise<readonly StepVerdict[]>;

export interface ResultReporterOptions {
  readonly reportSteps: ReportSteps;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly maxBatchSize: number;
  /** How long a first result waits for company. */
  readonly flushIntervalMs: number;
  /** How long `stop` goes on trying while Postgres is away. */
  readonly persistenceTimeoutMs: number;
}

interface Pending {
  readonly report: StepReport;
  readonly namespace: string;
  readonly settle: (verdict: StepVerdict | undefined) => void;
}

/** Waits between tries while Postgres is away, in milliseconds; the last one repeats. */
const RETRY_WAITS_MS = [50, 100, 250, 500, 1_000];

/**
 * Collects results and reports them in batches, one batch at a time.
 *
 * A result is never dropped while the host lives: when Postgres is away the batch is tried again until it is back,
 * and `stalled` tells the pools to claim no more. A lost answer is harmless: the second report of
 * the same epoch meets a lease that is gone and comes back `stale`.
 */
export class ResultReporter implements Service {
  readonly #options: ResultReporterOptions;
  readonly #pending: Pending[] = [];
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;
  #arrival = Promise.withResolvers<void>();
  #stalled = false;
  #stopDeadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: ResultReporterOptions) {
    this.#options = options;
  }

  /** True while a batch could not be reported: Postgres is away. */
  get stalled(): boolean {
    return this.#stalled;
  }

  start(): Promise<void> {
    this.#loop ??= this.#run();
    return Promise.resolve();
  }

  /** Flushes what is there; what Postgres does not take in time is left to the lease's end. */
  async stop(): Promise<void> {
    this.#stopDeadlineMs = Math.min(
      this.#stopDeadlineMs,
      this.#options.clock.now() + this.#options.persistenceTimeoutMs,
    );
    this.#stopped.abort();
    this.#arrival.resolve();
    await this.#loop;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Resolves once the database has judged the result; undefined where the host stopped before it could. */
  submit(namespace: string, report: StepReport): Promise<StepVerdict | undefined> {
    return new Promise((settle) => {
      this.#pending.push({ report, namespace, settle });
      this.#arrival.resolve();
    });
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#arrival.promise;
      if (this.#pending.length === 0 && this.#stopped.signal.aborted) return;
      if (this.#pending.length < this.#options.maxBatchSize) {
        await this.#options.clock.wait(this.#options.flushIntervalMs, this.#stopped.signal);
      }
      const batch = this.#pending.splice(0, this.#options.maxBatchSize);
      if (this.#pending.length === 0 && !this.#stopped.signal.aborted) this.#arrival = Promise.withResolvers();
      if (batch.length > 0) await this.#flush(batch);
    }
  }

  async #flush(batch: readonly Pending[]): Promise<void> {
    const { metrics } = this.#options;
    const startedMs = performance.now();
    const verdicts = await this.#report(batch.map(({ report }) => report));
    metrics.submissionDuration.observe(performance.now() - startedMs);
    const byStep = new Map(verdicts.map((verdict) => [verdict.stepUuid, verdict]));
    for (const { report, namespace, settle } of batch) {
      const verdict = byStep.get(report.stepUuid);
      metrics.resultsSubmitted.inc({ namespace, verdict: verdict?.verdict ?? "unsent" });
      settle(verdict);
    }
  }

  async #report(reports: readonly StepReport[]): Promise<readonly StepVerdict[]> {
    const { reportSteps, clock, logger } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const verdicts = await reportSteps(reports);
        this.#stalled = false;
        return verdicts;
      } catch (error) {
        if (isLastingRefusal(error)) return this.#isolate(reports, error);
        this.#stalled = true;
        const last = clock.now() >= this.#stopDeadlineMs;
        logger.warn({ err: asTaskerError(error), results: reports.length, last }, "results not reported, trying again");
        if (last) return [];
        await clock.wait(RETRY_WAITS_MS[Math.min(attempt, RETRY_WAITS_MS.length - 1)] ?? 1_000);
      }
    }
  }

  /** Reports each half by itself: what Postgres will never take must hold up nobody else. Alone, it is given up to its lease. */
  async #isolate(reports: readonly StepReport[], error: unknown): Promise<readonly StepVerdict[]> {
    const middle = reports.length >> 1;
    if (middle > 0)
      return [...(await this.#report(reports.slice(0, middle))), ...(await this.#report(reports.slice(middle)))];
    const stepUuid = reports[0]?.stepUuid;
    this.#options.logger.error({ err: asTaskerError(error), stepUuid }, "Postgres refuses to record the result");
    return [];
  }
}

function asTaskerError(error: unknown): TaskerError {
  if (isTaskerError(error)) return error;
  return new TaskerError("TSK_HOST_INTERNAL", {
    attempted: "Cannot report step results",
    found: error instanceof Error ? error.message : String(error),
    cause: error,
  });
}
