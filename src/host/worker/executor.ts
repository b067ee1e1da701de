import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { RunReport } from "../../runtime/index.ts";
import type { ClaimedStep, StepReport } from "../database/steps.ts";
import { outcomeToResult } from "../domain/outcome-to-result.ts";
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
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly hydration: HydrationDefaults;
  readonly workerId: string;
  readonly hostname: string;
}

/** Takes one claimed step from its event to the database's verdict on its result. */
export class WorkerExecutor {
  readonly #deps: ExecutorDeps;

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
  }

  async execute(claimed: ClaimedStep): Promise<void> {
    const startedMs = this.#deps.clock.now();
    const run = await this.#run(claimed);
    const report = this.#result(claimed, run, startedMs);
    const verdict = await this.#deps.reporter.submit(claimed.namespace, report);
    if (verdict?.verdict !== "recorded") {
      this.#deps.logger.warn(
        {
          stepUuid: claimed.stepUuid,
          epoch: claimed.epoch,
          verdict: verdict?.verdict ?? "unsent",
          reason: verdict?.reason,
        },
        "result not recorded",
      );
    }
  }

  /** Runs the step; a run that ends in a checkpoint is followed by one that starts there. */
  async #run(claimed: ClaimedStep): Promise<RunReport> {
    let step = claimed;
    for (;;) {
      const event = hydrate(step, this.#deps.hydration);
      const run = await this.#announce(event);
      this.#count(step.namespace, run);
      if (run.outcome.kind !== "checkpoint-yield") return run;
      const checkpointJson = checkpointText(run.outcome, this.#deps.clock.now());
      if (!(await this.#deps.saveCheckpoint(step, checkpointJson))) {
        return { ...run, outcome: { kind: "sandbox-lost", reason: "the lease was gone when the step yielded" } };
      }
      step = { ...step, checkpointJson };
    }
  }

  async #announce(event: StepEvent): Promise<RunReport> {
    const none = { usage: { fuelUsed: 0, peakMemoryBytes: 0, durationMs: 0 }, logs: [] };
    try {
      const run = await this.#deps.publisher.fireStepEvent(event);
      return run ?? { ...none, outcome: handlerNotFound(event) };
    } catch (error) {
      // The host's failure, not the guest's: the step is tried again, here or elsewhere.
      const reason = error instanceof Error ? error.message : String(error);
      this.#deps.logger.error({ err: error, stepUuid: event.payload.step.stepUuid }, "step could not be run");
      return { ...none, outcome: { kind: "sandbox-lost", reason } };
    }
  }

  #count(namespace: string, run: RunReport): void {
    const { metrics } = this.#deps;
    metrics.stepExecutions.inc({ namespace, outcome: run.outcome.kind });
    metrics.fuelUsed.inc({ namespace }, run.usage.fuelUsed);
    metrics.executionDuration.observe({ namespace }, run.usage.durationMs);
  }
}
