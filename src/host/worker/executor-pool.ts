import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import type { ClaimedStep } from "../database/steps.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { SlotTaker, StepCapacity } from "./step-capacity.ts";
import { WakeSignal } from "./wake-signal.ts";

export interface ExecutorPoolOptions {
  readonly namespace: string;
  /** Claims up to `quantity` steps of the namespace; fewer where there are fewer. Rejects while Postgres is away. */
  readonly claim: (namespace: string, quantity: number) => Promise<readonly ClaimedStep[]>;
  /** Runs and reports one step; never rejects. */
  readonly execute: (step: ClaimedStep) => Promise<void>;
  /** True while Postgres is away or results wait for it: then nothing is claimed. */
  readonly paused: () => boolean;
  /** What all namespaces share. */
  readonly capacity: StepCapacity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly initialSlots: number;
  readonly maxSlots: number;
  readonly maxBatchSize: number;
  /** How long an idle pool waits when no notification comes. */
  readonly pollIntervalMs: number;
}

/** The longest wait after claims that failed, in milliseconds: short enough to be back at work soon after Postgres is. */
const LONGEST_WAIT_MS = 2_000;

/** How long a busy pool lets free slots gather before it claims for them: a claim costs nearly the same for 1 as for 20. */
const GATHER_MS = 2;

/** The executors of one namespace: claims as many steps as it has free slots, and runs them side by side. */
export class WorkerExecutorPool implements Service, SlotTaker {
  readonly #options: ExecutorPoolOptions;
  readonly #wake = new WakeSignal();
  readonly #stopped = new AbortController();
  readonly #running = new Map<ClaimedStep, Promise<void>>();
  #loop: Promise<void> | undefined;
  #slots: number;
  #completed = 0;
  /** The last claim came back full: there is likely more in the queue. */
  #moreWaiting = false;
  /** Claims that failed one after the other. */
  #failures = 0;
  #claimingSinceMs: number | undefined;

  constructor(options: ExecutorPoolOptions) {
    this.#options = options;
    this.#slots = options.initialSlots;
    options.capacity.add(this);
  }

  get namespace(): string {
    return this.#options.namespace;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Steps claimed and not yet reported. */
  get active(): number {
    return this.#running.size;
  }

  /** The steps behind `active`. */
  get activeSteps(): readonly ClaimedStep[] {
    return [...this.#running.keys()];
  }

  /** Steps finished since the pool started. */
  get completed(): number {
    return this.#completed;
  }

  start(): Promise<void> {
    this.#loop ??= this.#run();
    this.#showSlots();
    return Promise.resolve();
  }

  /** Claims no more; steps under way go on (see `idle`). */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Looks into the queue now rather than at the next poll. */
  wake(): void {
    this.#wake.wake();
  }

  /** Resolves when no step is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Sets how many steps may run at once, within 1 … maxSlots. */
  resize(slots: number): void {
    this.#slots = Math.max(1, Math.min(slots, this.#options.maxSlots));
    this.#showSlots();
    this.wake();
  }

  /** Takes over a step that was claimed elsewhere: by a take-over from a dead host. Makes a slot for it. */
  adopt(step: ClaimedStep): void {
    this.#options.capacity.take(this);
    this.#execute(step);
    if (this.#running.size > this.#slots) this.resize(this.#running.size);
  }

  /** When the claim under way began; undefined where none is. */
  get claimingSinceMs(): number | undefined {
    return this.#claimingSinceMs;
  }

  /** Steps that it could hold beside those that it runs, with as many slots as it may have. */
  get room(): number {
    return this.#roomWith(this.#options.maxSlots);
  }

  /** Steps that it may claim now. */
  get free(): number {
    return this.#roomWith(this.#slots);
  }

  #roomWith(slots: number): number {
    return Math.max(0, Math.min(slots - this.#running.size, this.#options.capacity.available(this)));
  }

  async #run(): Promise<void> {
    const { clock, capacity, maxBatchSize, pollIntervalMs, paused } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await this.#gather();
      const wanted = paused() ? 0 : Math.min(this.#slots - this.#running.size, maxBatchSize);
      const quantity = capacity.reserve(this, wanted);
      const claimed = quantity === 0 ? 0 : await this.#claim(quantity);
      capacity.release(this, quantity - claimed);
      if (quantity > 0) this.#moreWaiting = claimed === quantity;
      if (quantity > 0 && this.#moreWaiting) continue;
      await this.#wake.wait(clock, this.#waitMs(pollIntervalMs), this.#stopped.signal);
    }
  }

  /** Longer from failure to failure. */
  #waitMs(pollIntervalMs: number): number {
    if (this.#failures === 0) return pollIntervalMs;
    return Math.min(pollIntervalMs * 2 ** (this.#failures - 1), Math.max(LONGEST_WAIT_MS, pollIntervalMs));
  }

  async #gather(): Promise<void> {
    if (this.#running.size > 0 && this.free < this.#slots / 4) {
      await this.#options.clock.wait(GATHER_MS, this.#stopped.signal);
    }
  }

  async #claim(quantity: number): Promise<number> {
    const { namespace, claim, clock, logger, metrics } = this.#options;
    const startedMs = performance.now();
    this.#claimingSinceMs = clock.monotonicMs();
    try {
      const steps = await claim(namespace, quantity);
      if (this.#failures > 0) logger.info({ namespace }, "claims work again");
      this.#failures = 0;
      metrics.claimDuration.observe({ namespace }, performance.now() - startedMs);
      metrics.stepsClaimed.inc({ namespace }, steps.length);
      for (const step of steps) this.#execute(step);
      return steps.length;
    } catch (error) {
      // Said once, not at every try.
      if (this.#failures === 0) logger.warn({ err: error, namespace }, "claim failed, trying again");
      this.#failures += 1;
      return 0;
    } finally {
      this.#claimingSinceMs = undefined;
    }
  }

  /** Runs the step in a slot that was taken for it. */
  #execute(step: ClaimedStep): void {
    const { namespace, capacity, metrics } = this.#options;
    const run = this.#options.execute(step).finally(() => {
      this.#running.delete(step);
      this.#completed += 1;
      capacity.release(this, 1);
      metrics.activeExecutions.set({ namespace }, this.#running.size);
      if (this.#moreWaiting) this.wake();
    });
    this.#running.set(step, run);
    metrics.activeExecutions.set({ namespace }, this.#running.size);
  }

  #showSlots(): void {
    this.#options.metrics.executorSlots.set({ namespace: this.namespace }, this.#slots);
  }
}
