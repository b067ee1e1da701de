import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
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
  /** What the result says of the component that ran; undefined for a native handler. */
  readonly componentFacts: (digest: string | undefined) => Promise<ResultFacts["component"]>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly hydration: HydrationDefaults;
  readonly workerId: string;
  readonly workerHostname: string;
}

/** A run that ended the step, and when it began. */
interface FinalRun {
  readonly run: StepRun & { readonly outcome: FinalOutcome };
  readonly startedMs: number;
  /** Of the component that ran it; undefined for a native handler. */
  readonly digest: string | undefined;
}

const NO_USAGE = { fuelUsed: 0, peakMemoryBytes: 0, durationMs: 0 };

/** Takes one claimed step from its event to the database's verdict on its result. */
export class WorkerExecutor {
  readonly #deps: ExecutorDeps;

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
  }

  /** Never rejects: what goes wrong with a step is in its result, and what goes wrong with that is in the log. */
  async execute(claimed: ClaimedStep): Promise<void> {
    const final = await this.#run(claimed);
    this.#log(claimed, final.run);
    const report = await this.#report(claimed, final);
    const verdict = await this.#deps.reporter.submit(claimed.namespace, report);
    if (verdict?.verdict === "recorded") return;
    // "refused": the database has failed the step with a code; "stale": it is another host's; unsent: its lease will tell.
    const { stepUuid, epoch } = claimed;
    this.#deps.logger.warn({ stepUuid, epoch, ...(verdict ?? { verdict: "unsent" }) }, "result not recorded");
  }

  /** Runs the step; a run that ends in a checkpoint is followed by one that starts there. */
  async #run(claimed: ClaimedStep): Promise<FinalRun> {
    let step = claimed;
    for (;;) {
      const startedMs = this.#deps.clock.now();
      const { run, digest } = await this.#announce(step);
      this.#count(step.namespace, run);
      const { outcome } = run;
      if (outcome.kind !== "checkpoint-yield") return { run: { ...run, outcome }, startedMs, digest };
      const checkpointJson = checkpointText(outcome, this.#deps.clock.now());
      if (!(await this.#saveCheckpoint(step, checkpointJson))) {
        const lost: FinalOutcome = { kind: "sandbox-lost", reason: "its lease was gone when it yielded a checkpoint" };
        return { run: { ...run, outcome: lost }, startedMs, digest };
      }
      step = { ...step, checkpointJson, digest };
    }
  }

  /** Runs the step once. Where nobody serves it here, the database may know a component that came after the claim. */
  async #announce(step: ClaimedStep): Promise<{ readonly run: StepRun; readonly digest: string | undefined }> {
    const { publisher, serveLate, hydration, logger } = this.#deps;
    const event = hydrate(step, hydration);
    let { digest } = step;
    try {
      let run = await publisher.fireStepEvent(event);
      if (run === undefined) {
        digest = await serveLate(step);
        run = digest === undefined ? undefined : await publisher.fireStepEvent({ ...event, moduleDigest: digest });
      }
      return { run: run ?? { outcome: handlerNotFound(event), usage: NO_USAGE, logs: [] }, digest };
    } catch (error) {
      // The host's failure, not the guest's: the step is tried again, here or elsewhere.
      logger.error({ err: error, stepUuid: step.stepUuid }, "step could not be run");
      const reason = error instanceof Error ? error.message : String(error);
      return { run: { outcome: { kind: "sandbox-lost", reason }, usage: NO_USAGE, logs: [] }, digest };
    }
  }

  async #saveCheckpoint(step: ClaimedStep, checkpointJson: string): Promise<boolean> {
    try {
      return await this.#deps.saveCheckpoint(step, checkpointJson);
    } catch (error) {
      this.#deps.logger.warn({ err: error, stepUuid: step.stepUuid }, "checkpoint not saved");
      return false;
    }
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

function retryAfterMs(result: StepResult): number | undefined {
  return result.success ? undefined : result.retryAfterMs;
}
