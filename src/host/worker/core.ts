import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import type { OfferedAs } from "../database/leases.ts";
import type { ClaimedStep } from "../database/steps.ts";
import type { WorkerLoopCoordinator } from "./coordinator.ts";
import type { WorkerExecutor } from "./executor.ts";
import type { HostSession } from "./host-session.ts";
import type { NamespaceSandboxes } from "./namespace-sandboxes.ts";
import { repeatUntil } from "./repeat-until.ts";
import type { ResultReporter } from "./result-reporter.ts";
import type { TakeOver } from "./take-over.ts";

export interface WorkerCoreParts {
  readonly session: HostSession;
  readonly coordinator: WorkerLoopCoordinator;
  readonly executor: WorkerExecutor;
  readonly reporter: ResultReporter;
  readonly sandboxes: NamespaceSandboxes;
  readonly takeOver: TakeOver;
  /** Hands the leases of steps that will not finish here to other hosts, without burning an attempt. */
  readonly releaseLeases: (steps: readonly ClaimedStep[], as: OfferedAs) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly shutdownGraceMs: number;
  /** How long handing over goes on trying while Postgres is away. */
  readonly persistenceTimeoutMs: number;
}

/**
 * The worker foundation as one part: session, pools, reporter, sandboxes, started in that order and stopped in reverse.
 * Built by the bootstrap; see docs/architecture.md for the way of a step through it.
 */
export class WorkerCore implements Service {
  readonly #parts: WorkerCoreParts;
  #stopping: Promise<void> | undefined;

  constructor(parts: WorkerCoreParts) {
    this.#parts = parts;
  }

  get coordinator(): WorkerLoopCoordinator {
    return this.#parts.coordinator;
  }

  get session(): HostSession {
    return this.#parts.session;
  }

  get reporter(): ResultReporter {
    return this.#parts.reporter;
  }

  /** Looks now whether another host hands steps over; call it when one says so. */
  leasesOffered(): void {
    const { takeOver, logger } = this.#parts;
    void takeOver.takeOver().catch((error: unknown) => logger.warn({ err: error }, "handed over steps not looked at"));
  }

  async start(): Promise<void> {
    await this.#parts.session.start();
    await this.#parts.reporter.start();
    await this.#parts.coordinator.start();
  }

  /** Claims no more, lets running steps finish for the grace period, hands over the rest, flushes results. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    const { coordinator, reporter, sandboxes, session } = this.#parts;
    await coordinator.stop();
    await this.#drain();
    await reporter.stop();
    await sandboxes.stop();
    await session.stop();
    coordinator.markStopped();
  }

  /** Waits for running steps up to the grace period; what still runs then is handed over. */
  async #drain(): Promise<void> {
    const { coordinator, executor, sandboxes, clock, logger, shutdownGraceMs } = this.#parts;
    const idle = new AbortController();
    const drained = coordinator.idle().then(() => idle.abort());
    await Promise.race([drained, clock.wait(shutdownGraceMs, idle.signal)]);
    const left = coordinator.pools.flatMap((pool) => pool.activeSteps);
    if (left.length === 0) return;
    executor.abandon();
    // First the sandboxes: nothing runs on here beside its next run elsewhere, and what has begun is known for sure.
    await sandboxes.stop();
    for (const [stage, as] of [
      ["waiting", "not_started"],
      ["running", "interrupted"],
    ] as const) {
      const steps = left.filter((step) => executor.stageOf(step) === stage);
      if (steps.length === 0) continue;
      logger.info({ steps: steps.length, as }, "handing over steps that did not finish in time");
      // Late reports of native handlers, if any, are refused by epoch once another host has taken their steps.
      await this.#release(steps, as).catch((error: unknown) => logger.warn({ err: error }, "leases not released"));
    }
    // Results that are done and not recorded keep their leases: the reporter has them.
  }

  #release(steps: readonly ClaimedStep[], as: OfferedAs): Promise<void> {
    const { clock, releaseLeases, persistenceTimeoutMs } = this.#parts;
    return repeatUntil(clock, clock.monotonicMs() + persistenceTimeoutMs, () => releaseLeases(steps, as));
  }
}
