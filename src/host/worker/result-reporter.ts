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
  /** False while the database is known to be away: then no single result is to blame. */
  readonly reachable: () => boolean;
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
  /** How often it held up the others and was put aside; from then on it goes alone. */
  asides: number;
}

/** Results of one statement, in characters of JSON: a statement is built in memory here and at the server. A larger one goes alone. */
const MAX_BATCH_CHARACTERS = 8 * 1_024 * 1_024;

/** Results that may wait, in characters of JSON, before nothing more is claimed; steps under way may add theirs. */
const MAX_WAITING_CHARACTERS = 64 * 1_024 * 1_024;

/** Waits between tries while Postgres is away, in milliseconds; the last one repeats. */
const RETRY_WAITS_MS = [50, 100, 250, 500, 1_000];

/** Tries of a batch that Postgres cannot record now although it is there, before the batch is halved. */
const PATIENCE = 3;

/** Waits of a result that was put aside, in milliseconds; the last one repeats. */
const ASIDE_WAITS_MS = [1_000, 2_000, 5_000, 10_000, 30_000];

/**
 * Collects results and reports them in batches, one batch at a time.
 *
 * A result is never dropped while the host lives: when Postgres is away the batch is tried again until it is back,
 * and `stalled` tells the pools to claim no more. Memory is bounded: a step keeps its slot until its result is recorded, so
 * no more results wait than there are slots, and `full` stops claims before that when they are large. A lost answer is
 * harmless: a second report of the same epoch is told that the first was recorded.
 *
 * One result holds up no other: a batch that Postgres refuses, or that waits for a row which somebody holds, is halved until
 * the result is alone. A refused one is given up; one that waits is put aside, held, and tried alone from time to time.
 */
export class ResultReporter implements Service {
  readonly #options: ResultReporterOptions;
  readonly #pending: Pending[] = [];
  readonly #stopped = new AbortController();
  /** Results that are put aside or given up, until that is over. */
  readonly #aside = new Set<Promise<void>>();
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
      this.#options.clock.monotonicMs() + this.#options.persistenceTimeoutMs,
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
      const pending = { report, size: report.resultJson.length, namespace, settle, asides: 0 };
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
        this.#ended = this.#aside.size === 0;
        if (this.#ended) return;
        await Promise.race(this.#aside);
        continue;
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
    const alone = this.#pending.findIndex(({ asides }) => asides > 0);
    if (alone === 0) return 1;
    const maxBatchSize = Math.min(this.#options.maxBatchSize, alone === -1 ? Number.POSITIVE_INFINITY : alone);
    let size = 0;
    const tooMuch = this.#pending.findIndex((pending) => (size += pending.size) > MAX_BATCH_CHARACTERS);
    return Math.min(maxBatchSize, tooMuch === -1 ? maxBatchSize : Math.max(1, tooMuch));
  }

  async #flush(batch: readonly Pending[]): Promise<void> {
    const startedMs = performance.now();
    await this.#report(batch, batch.some(({ asides }) => asides > 0) ? 1 : PATIENCE);
    this.#options.metrics.submissionDuration.observe(performance.now() - startedMs);
  }

  /** Settles each of them, unless it is put aside or given up: then that goes on by itself. */
  async #report(batch: readonly Pending[], patience: number): Promise<void> {
    const { reportSteps, reachable, clock, logger } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        const verdicts = await reportSteps(batch.map(({ report }) => report));
        if (this.#stalled) logger.info({ results: batch.length }, "results are recorded again");
        this.#stalled = false;
        const byStep = new Map(verdicts.map((verdict) => [verdict.stepUuid, verdict]));
        for (const pending of batch) this.#settle(pending, byStep.get(pending.report.stepUuid));
        return;
      } catch (error) {
        if (isLastingRefusal(error)) return this.#halve(batch, PATIENCE, (pending) => this.#giveUp(pending, error));
        const last = this.#isLate();
        // Said once, not at every try.
        if (!this.#stalled || last) {
          logger.warn({ err: asTaskerError(error), results: batch.length, last }, "results not recorded, trying again");
        }
        if (last) {
          for (const pending of batch) this.#settle(pending, undefined);
          return;
        }
        if (patience > 1) this.#stalled = true;
        if (tries >= patience && isSlow(error) && reachable()) {
          return this.#halve(batch, 1, (pending) => this.#putAside(pending, error));
        }
        await clock.wait(RETRY_WAITS_MS[Math.min(tries, RETRY_WAITS_MS.length) - 1] ?? 1_000);
      }
    }
  }

  /** Reports each half by itself: what Postgres does not take must hold up nobody else. Alone, `rest` sees to it. */
  async #halve(batch: readonly Pending[], patience: number, rest: (pending: Pending) => Promise<void>): Promise<void> {
    const [first] = batch;
    const middle = batch.length >> 1;
    if (middle > 0) {
      await this.#report(batch.slice(0, middle), patience);
      await this.#report(batch.slice(middle), patience);
    } else if (first !== undefined) {
      const over = rest(first).finally(() => this.#aside.delete(over));
      this.#aside.add(over);
    }
  }

  /** Somebody holds what the result is to be written to: it comes back later, alone. */
  async #putAside(pending: Pending, error: unknown): Promise<void> {
    const { clock, logger } = this.#options;
    const { stepUuid, epoch } = pending.report;
    logger.warn({ err: asTaskerError(error), stepUuid, epoch }, "result put aside, others go on");
    // Where the server has run out of something, every result waits for it; a row that is held is this one's affair.
    if (isTaskerError(error, "TSK_DATABASE_TIMEOUT")) this.#stalled = false;
    const { signal } = this.#stopped;
    const waitMs = ASIDE_WAITS_MS[Math.min(pending.asides, ASIDE_WAITS_MS.length - 1)] ?? 1_000;
    pending.asides += 1;
    if (signal.aborted) await clock.wait(RETRY_WAITS_MS[0] ?? 50);
    else await clock.wait(waitMs, signal);
    this.#pending.push(pending);
    this.#arrival.resolve();
  }

  /** The slot is kept until the offer is answered: a step that the host forgets would be offered as one that never ran. */
  async #giveUp(pending: Pending, error: unknown): Promise<void> {
    const { logger, giveUp, clock } = this.#options;
    const { stepUuid, epoch } = pending.report;
    logger.error({ err: asTaskerError(error), stepUuid, epoch }, "Postgres refuses to record the result");
    for (let tries = 1; ; tries += 1) {
      try {
        await giveUp(pending.report);
        break;
      } catch (failure) {
        if (tries === 1) logger.error({ err: failure, stepUuid }, "step not offered again, trying again");
        if (this.#isLate()) break;
        await clock.wait(RETRY_WAITS_MS[Math.min(tries, RETRY_WAITS_MS.length) - 1] ?? 1_000);
      }
    }
    this.#settle(pending, undefined);
  }

  /** The host stops, and has tried for as long as it may. */
  #isLate(): boolean {
    return this.#options.clock.monotonicMs() >= this.#stopDeadlineMs;
  }
}

/** True where Postgres is there and could not do it now: it waited too long for somebody, or lacks something. */
function isSlow(error: unknown): boolean {
  return isTaskerError(error, "TSK_DATABASE_TIMEOUT") || isTaskerError(error, "TSK_DATABASE_EXHAUSTED");
}

function asTaskerError(error: unknown): TaskerError {
  if (isTaskerError(error)) return error;
  return new TaskerError("TSK_HOST_INTERNAL", {
    attempted: "Cannot report step results",
    found: error instanceof Error ? error.message : String(error),
    cause: error,
  });
}
