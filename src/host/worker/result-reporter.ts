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
  /** Offers the step of a result that Postgres will not record: its next run, anywhere, is another attempt. */
  readonly giveUp: (report: StepReport) => Promise<void>;
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
  readonly size: number;
  readonly namespace: string;
  readonly settle: (verdict: StepVerdict | undefined) => void;
}

/** Results of one statement, in characters of JSON: a statement is built in memory here and at the server. A larger one goes alone. */
const MAX_BATCH_CHARACTERS = 8 * 1_024 * 1_024;

/** Results that may wait, in characters of JSON, before nothing more is claimed; steps under way may add theirs. */
const MAX_WAITING_CHARACTERS = 64 * 1_024 * 1_024;

/** Waits between tries while Postgres is away, in milliseconds; the last one repeats. */
const RETRY_WAITS_MS = [50, 100, 250, 500, 1_000];

/**
 * Collects results and reports them in batches, one batch at a time.
 *
 * A result is never dropped while the host lives: when Postgres is away the batch is tried again until it is back,
 * and `stalled` tells the pools to claim no more. Memory is bounded: a step keeps its slot until its result is recorded, so
 * no more results wait than there are slots, and `full` stops claims before that when they are large. A lost answer is
 * harmless: a second report of the same epoch is told that the first was recorded.
 */
export class ResultReporter implements Service {
  readonly #options: ResultReporterOptions;
  readonly #pending: Pending[] = [];
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;
  #arrival = Promise.withResolvers<void>();
  #stalled = false;
  #ended = false;
  #waiting = 0;
  #waitingSize = 0;
  #stopDeadlineMs = Number.POSITIVE_INFINITY;

  constructor(options: ResultReporterOptions) {
    this.#options = options;
  }

  /** True while a batch could not be reported: Postgres is away. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** Results that the database has not judged yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** True while so much waits that nothing more should be claimed. */
  get full(): boolean {
    return this.#waitingSize >= MAX_WAITING_CHARACTERS;
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
    this.#ended = true;
    for (const pending of this.#pending.splice(0)) this.#settle(pending, undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Resolves once the database has judged the result; undefined where the host stopped before it could, or had stopped. */
  submit(namespace: string, report: StepReport): Promise<StepVerdict | undefined> {
    return new Promise((settle) => {
      const pending = { report, size: report.resultJson.length, namespace, settle };
      this.#waiting += 1;
      this.#waitingSize += pending.size;
      this.#options.metrics.resultsWaiting.set(this.#waiting);
      if (this.#ended) {
        this.#settle(pending, undefined);
        return;
      }
      this.#pending.push(pending);
      this.#arrival.resolve();
    });
  }

  #settle({ size, namespace, settle }: Pending, verdict: StepVerdict | undefined): void {
    this.#waiting -= 1;
    this.#waitingSize -= size;
    this.#options.metrics.resultsWaiting.set(this.#waiting);
    this.#options.metrics.resultsSubmitted.inc({ namespace, verdict: verdict?.verdict ?? "unsent" });
    settle(verdict);
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#arrival.promise;
      if (this.#pending.length === 0 && this.#stopped.signal.aborted) {
        this.#ended = true;
        return;
      }
      if (this.#pending.length < this.#options.maxBatchSize) {
        await this.#options.clock.wait(this.#options.flushIntervalMs, this.#stopped.signal);
      }
      const batch = this.#pending.splice(0, this.#batchLength());
      if (this.#pending.length === 0 && !this.#stopped.signal.aborted) this.#arrival = Promise.withResolvers();
      if (batch.length > 0) await this.#flush(batch);
    }
  }

  /** How many of those that wait go into one statement. */
  #batchLength(): number {
    const { maxBatchSize } = this.#options;
    let size = 0;
    const tooMuch = this.#pending.findIndex((pending) => (size += pending.size) > MAX_BATCH_CHARACTERS);
    return Math.min(maxBatchSize, tooMuch === -1 ? maxBatchSize : Math.max(1, tooMuch));
  }

  async #flush(batch: readonly Pending[]): Promise<void> {
    const { metrics } = this.#options;
    const startedMs = performance.now();
    const verdicts = await this.#report(batch.map(({ report }) => report));
    metrics.submissionDuration.observe(performance.now() - startedMs);
    const byStep = new Map(verdicts.map((verdict) => [verdict.stepUuid, verdict]));
    for (const pending of batch) this.#settle(pending, byStep.get(pending.report.stepUuid));
  }

  async #report(reports: readonly StepReport[]): Promise<readonly StepVerdict[]> {
    const { reportSteps, clock, logger } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const verdicts = await reportSteps(reports);
        if (this.#stalled) logger.info({ results: reports.length }, "results are recorded again");
        this.#stalled = false;
        return verdicts;
      } catch (error) {
        if (isLastingRefusal(error)) return this.#isolate(reports, error);
        const last = clock.now() >= this.#stopDeadlineMs;
        // Said once, not at every try.
        if (!this.#stalled || last) {
          logger.warn(
            { err: asTaskerError(error), results: reports.length, last },
            "results not recorded, trying again",
          );
        }
        this.#stalled = true;
        if (last) return [];
        await clock.wait(RETRY_WAITS_MS[Math.min(attempt, RETRY_WAITS_MS.length - 1)] ?? 1_000);
      }
    }
  }

  /** Reports each half by itself: what Postgres will never take must hold up nobody else. Alone, it is given up. */
  async #isolate(reports: readonly StepReport[], error: unknown): Promise<readonly StepVerdict[]> {
    const middle = reports.length >> 1;
    if (middle > 0)
      return [...(await this.#report(reports.slice(0, middle))), ...(await this.#report(reports.slice(middle)))];
    const [report] = reports;
    if (report === undefined) return [];
    const { logger, giveUp } = this.#options;
    const { stepUuid, epoch } = report;
    logger.error({ err: asTaskerError(error), stepUuid, epoch }, "Postgres refuses to record the result");
    // Where even this fails the lease stays, and is offered as one that the host does not know of.
    await giveUp(report).catch((failure: unknown) =>
      logger.error({ err: failure, stepUuid }, "step not offered again"),
    );
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
