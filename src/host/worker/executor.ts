import type { Clock } from "../../core/clock.ts";
import { isTaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import { isLastingRefusal, isTrouble } from "../database/database-error.ts";
import type { ClaimedStep, StepReport } from "../database/steps.ts";
import { checkpointText } from "../domain/checkpoint.ts";
import { type FinalOutcome, outcomeToResult, type StepResult } from "../domain/outcome-to-result.ts";
import { type ResultFacts, stepResultJson } from "../domain/step-result.ts";
import type { StepRun } from "../domain/step-run.ts";
import type { EventPublisher } from "../events/event-publisher.ts";
import type { StepEvent } from "../events/in-process-event-system.ts";
import type { Metrics } from "../observability/metrics.ts";
import { hydrate, type HydrationDefaults } from "./hydrate.ts";
import type { ResultReporter } from "./result-reporter.ts";

export interface ExecutorDeps {
  readonly publisher: EventPublisher;
  readonly reporter: ResultReporter;
  /** Stores a resume point for a step that keeps its lease; false where the lease is gone. */
  readonly saveCheckpoint: (step: ClaimedStep, checkpointJson: string) => Promise<boolean>;
  /** The component that has become active for the step's callable since its claim, recorded with its lease. */
  readonly serveLate: (step: ClaimedStep) => Promise<string | undefined>;
  /** What served the step's callable last, as `name@version`, active or not; undefined where nothing ever did. */
  readonly lastServer: (step: ClaimedStep) => Promise<string | undefined>;
  /** Offers a step that no handler has seen to all hosts, this one among them; its attempt goes on. */
  readonly offerUnstarted: (step: ClaimedStep) => Promise<void>;
  /** What the result says of the component that ran; undefined for a native handler. */
  readonly componentFacts: (digest: string | undefined) => Promise<ResultFacts["component"]>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly hydration: HydrationDefaults;
  /** What a claim brings of dependency results at most, in bytes. */
  readonly maxDependencyBytes: number;
  readonly workerId: string;
  readonly workerHostname: string;
}

/**
 * How far a step came on this host. `waiting`: no handler has seen it. `running`: one has. `done`: its result is on its way
 * to the database.
 */
export type StepStage = "waiting" | "running" | "done";

/** A run that ended the step, and when it began. */
interface FinalRun {
  readonly run: StepRun & { readonly outcome: FinalOutcome };
  readonly startedMs: number;
  /** Of the component that ran it; undefined for a native handler. */
  readonly digest: string | undefined;
}

/** One run of a step, which may end in a checkpoint. */
interface SingleRun {
  readonly run: StepRun;
  readonly digest: string | undefined;
}

const NO_USAGE = { fuelUsed: 0, peakMemoryBytes: 0, durationMs: 0 };

/** Waits while the host or its database is in trouble, in milliseconds; the last one repeats. */
const TROUBLE_WAITS_MS = [100, 250, 500, 1_000];
/** Tries of a step that the host, not its database, cannot start, before others may have it. */
const START_TRIES = 3;
/** From this lease of a step on nobody else is asked: what keeps it from starting is reported as its failure. */
const LAST_OFFERED_EPOCH = 10;

/** Takes one claimed step from its event to the database's verdict on its result. */
export class WorkerExecutor {
  readonly #deps: ExecutorDeps;
  readonly #stages = new WeakMap<ClaimedStep, StepStage>();
  readonly #abandoned = new AbortController();

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
  }

  /** How far a step came that `execute` was given. */
  stageOf(step: ClaimedStep): StepStage {
    return this.#stages.get(step) ?? "waiting";
  }

  /** The host stops: what is not done now is handed over, so nothing more is reported of it but results. */
  abandon(): void {
    this.#abandoned.abort();
  }

  /** Never rejects: what goes wrong with a step is in its result, and what goes wrong with that is in the log. */
  async execute(claimed: ClaimedStep): Promise<void> {
    const final = await this.#run(claimed);
    if (final === undefined) return;
    this.#stages.set(claimed, "done");
    this.#log(claimed, final.run);
    const report = await this.#report(claimed, final);
    const verdict = await this.#deps.reporter.submit(claimed.namespace, report);
    if (verdict?.verdict === "recorded") return;
    // "refused": the database has failed the step with a code; "stale": it is another host's; unsent: its lease will tell.
    const { stepUuid, epoch } = claimed;
    this.#deps.logger.warn({ stepUuid, epoch, ...(verdict ?? { verdict: "unsent" }) }, "result not recorded");
  }

  /** Runs the step; a run that ends in a checkpoint is followed by one that starts there. Undefined: it is given away. */
  async #run(claimed: ClaimedStep): Promise<FinalRun | undefined> {
    let step = claimed;
    for (;;) {
      const startedMs = this.#deps.clock.now();
      const single = await this.#announce(claimed, step);
      if (single === undefined) return undefined;
      const { run, digest } = single;
      const { outcome } = run;
      // Its sandbox was stopped with the host: that is no failure of the step.
      if (outcome.kind === "sandbox-lost" && this.#abandoned.signal.aborted) return undefined;
      this.#count(step.namespace, run);
      if (outcome.kind !== "checkpoint-yield") return { run: { ...run, outcome }, startedMs, digest };
      const checkpointJson = checkpointText(outcome, this.#deps.clock.now());
      const reason = await this.#saveCheckpoint(step, checkpointJson);
      if (reason !== undefined) {
        const lost: FinalOutcome = { kind: "sandbox-lost", reason };
        return this.#abandoned.signal.aborted ? undefined : { run: { ...run, outcome: lost }, startedMs, digest };
      }
      step = { ...step, checkpointJson, digest };
    }
  }

  /**
   * Runs the step once. What keeps it from starting is the host's trouble and not the step's failure: while the database is
   * away the step waits in its slot; what is wrong with the host alone makes it offer the step. Undefined: it is given away.
   */
  async #announce(claimed: ClaimedStep, step: ClaimedStep): Promise<SingleRun | undefined> {
    const { logger, clock } = this.#deps;
    const { signal } = this.#abandoned;
    for (let tries = 1; ; tries += 1) {
      let started = false;
      try {
        return await this.#publish(step, () => {
          started = true;
          this.#stages.set(claimed, "running");
        });
      } catch (error) {
        if (signal.aborted) return undefined;
        const reason = error instanceof Error ? error.message : String(error);
        const lasting = started || (isTaskerError(error) && error.code.startsWith("TSK_COMPONENT_"));
        if (lasting || (!passes(error) && this.stageOf(claimed) === "running")) return lost(step, reason);
        if (tries === 1)
          logger.warn({ err: error, stepUuid: step.stepUuid }, "step could not be started, trying again");
        if (!passes(error) && tries >= START_TRIES) {
          if (step.epoch >= LAST_OFFERED_EPOCH) return lost(step, reason);
          await this.#offer(claimed);
          return undefined;
        }
        await clock.wait(waitMs(tries), signal);
        if (signal.aborted) return undefined;
      }
    }
  }

  /** Where nobody serves the step here, the database may know a component that came after the claim. */
  async #publish(step: ClaimedStep, onStarted: () => void): Promise<SingleRun> {
    const { publisher, serveLate, lastServer, hydration, maxDependencyBytes } = this.#deps;
    if (step.bytesLeftOut !== undefined) {
      const outcome = payloadExceeded(step.bytesLeftOut, maxDependencyBytes);
      return { run: { outcome, usage: NO_USAGE, logs: [] }, digest: step.digest };
    }
    const event = { ...hydrate(step, hydration), onStarted };
    let { digest } = step;
    let run = await publisher.fireStepEvent(event);
    if (run === undefined) {
      digest = await serveLate(step);
      run = digest === undefined ? undefined : await publisher.fireStepEvent({ ...event, moduleDigest: digest });
    }
    if (run !== undefined) return { run, digest };
    const server = await lastServer(step);
    const outcome = server === undefined ? handlerNotFound(event) : handlerInactive(event, server);
    return { run: { outcome, usage: NO_USAGE, logs: [] }, digest };
  }

  /** The slot is kept until the database has answered: a step that this host forgets would be offered by itself. */
  async #offer(step: ClaimedStep): Promise<void> {
    const { offerUnstarted, clock, logger } = this.#deps;
    const { signal } = this.#abandoned;
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        await offerUnstarted(step);
        return;
      } catch (error) {
        if (tries === 1) logger.warn({ err: error, stepUuid: step.stepUuid }, "step not offered, trying again");
        await clock.wait(waitMs(tries), signal);
      }
    }
  }

  /** Tries until the database has answered. Why the step cannot go on, or undefined where it can. */
  async #saveCheckpoint(step: ClaimedStep, checkpointJson: string): Promise<string | undefined> {
    const { saveCheckpoint, clock, logger } = this.#deps;
    const { signal } = this.#abandoned;
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        const held = await saveCheckpoint(step, checkpointJson);
        return held ? undefined : "its lease was gone when it yielded a checkpoint";
      } catch (error) {
        if (tries === 1) logger.warn({ err: error, stepUuid: step.stepUuid }, "checkpoint not saved, trying again");
        if (isLastingRefusal(error)) return `Postgres refuses its checkpoint: ${error.message}`;
        await clock.wait(waitMs(tries), signal);
      }
    }
    return "its host stopped before its checkpoint was saved";
  }

  async #report(claimed: ClaimedStep, { run, startedMs, digest }: FinalRun): Promise<StepReport> {
    const result = outcomeToResult(run.outcome, run.limits);
    const facts: ResultFacts = {
      stepUuid: claimed.stepUuid,
      attempt: claimed.attempt,
      startedMs,
      completedMs: this.#deps.clock.now(),
      workerId: this.#deps.workerId,
      workerHostname: this.#deps.workerHostname,
      usage: run.usage,
      component: await this.#deps.componentFacts(digest).catch(() => undefined),
    };
    return {
      stepUuid: claimed.stepUuid,
      epoch: claimed.epoch,
      success: result.success,
      retryable: !result.success && result.retryable,
      retryAfterMs: retryAfterMs(result),
      resultJson: stepResultJson(result, facts),
    };
  }

  #count(namespace: string, run: StepRun): void {
    const { metrics } = this.#deps;
    metrics.stepExecutions.inc({ namespace, outcome: run.outcome.kind });
    metrics.fuelUsed.inc({ namespace }, run.usage.fuelUsed);
    metrics.executionDuration.observe({ namespace }, run.usage.durationMs);
  }

  /** The handler's own lines, attributed; its fields stay text inside the line. */
  #log(claimed: ClaimedStep, run: StepRun): void {
    const step = { stepUuid: claimed.stepUuid, step: claimed.stepName, attempt: claimed.attempt };
    for (const { level, message, fieldsJson } of run.logs) {
      this.#deps.logger[level]({ ...step, guest: true, fields: fieldsJson === "" ? undefined : fieldsJson }, message);
    }
  }
}

/** True for what the database will get over. */
function passes(error: unknown): boolean {
  return isTrouble(error) || isTaskerError(error, "TSK_DATABASE_CONFLICT");
}

function waitMs(tries: number): number {
  return TROUBLE_WAITS_MS[Math.min(tries, TROUBLE_WAITS_MS.length) - 1] ?? 1_000;
}

function lost({ digest }: ClaimedStep, reason: string): SingleRun {
  return { run: { outcome: { kind: "sandbox-lost", reason }, usage: NO_USAGE, logs: [] }, digest };
}

function handlerNotFound({ payload: { task, step } }: StepEvent): FinalOutcome {
  return {
    kind: "failure",
    message: `No active component and no native handler serves callable "${step.callable}" in namespace "${task.namespace}"`,
    errorType: "handler_not_found",
    errorCode: "TSK_HANDLER_NOT_FOUND",
    retryable: false,
    contextJson: JSON.stringify({ callable: step.callable, namespace: task.namespace }),
    attributes: [],
    backtrace: [],
  };
}

/** Somebody is about to promote or roll back, so the step waits as its template says. */
function handlerInactive({ payload: { task, step } }: StepEvent, lastServer: string): FinalOutcome {
  return {
    kind: "failure",
    message: `No active component serves callable "${step.callable}" in namespace "${task.namespace}" any more: the last was ${lastServer}`,
    errorType: "handler_inactive",
    errorCode: "TSK_HANDLER_INACTIVE",
    retryable: true,
    contextJson: JSON.stringify({ callable: step.callable, namespace: task.namespace, last_server: lastServer }),
    attributes: [],
    backtrace: [],
  };
}

/** The step ends in error without having run: it would again, so it is not retried. */
function payloadExceeded(bytes: number, limit: number): FinalOutcome {
  return {
    kind: "failure",
    message: `Handler would be given ${bytes} bytes of results of the steps before it: this host allows ${limit}`,
    errorType: "payload_exceeded",
    errorCode: "TSK_HANDLER_PAYLOAD_EXCEEDED",
    retryable: false,
    contextJson: JSON.stringify({ bytes, limit_bytes: limit }),
    attributes: [],
    backtrace: [],
  };
}

function retryAfterMs(result: StepResult): number | undefined {
  return result.success ? undefined : result.retryAfterMs;
}
