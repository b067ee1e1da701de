import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { WorkerExecutorPool } from "./executor-pool.ts";

/** Where the host is in its life. */
export type SystemOperationalState = "startup" | "normal" | "graceful_shutdown" | "stopped";

export interface CoordinatorOptions {
  /** Visible messages in each namespace's queue, in one round trip. */
  readonly queueDepths: (namespaces: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  readonly createPool: (namespace: string) => WorkerExecutorPool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly scaling: ScalingRules;
  readonly tickIntervalMs: number;
}

/** When a pool grows or shrinks. */
export interface ScalingRules {
  readonly initialSlots: number;
  /** Share of slots in use at and above which a pool with a backlog doubles. */
  readonly scaleUpThreshold: number;
  /** Share of slots in use at and below which a pool without a backlog halves, down to `initialSlots`. */
  readonly scaleDownThreshold: number;
}

/** One namespace now; depth and rate as the last tick saw them. */
export interface NamespaceStatus extends Observation {
  readonly namespace: string;
  readonly slots: number;
  readonly active: number;
}

interface Observation {
  /** Visible messages in the step queue. */
  readonly queueDepth: number;
  /** Steps finished per second since the tick before. */
  readonly stepsPerSecond: number;
}

/** Keeps one executor pool a namespace, sizes the pools by use and backlog, and knows the host's operational state. */
export class WorkerLoopCoordinator implements Service {
  readonly #options: CoordinatorOptions;
  readonly #pools = new Map<string, WorkerExecutorPool>();
  readonly #seen = new Map<string, { completed: number; atMs: number }>();
  readonly #stopped = new AbortController();
  #observed: ReadonlyMap<string, Observation> = new Map();
  #state: SystemOperationalState = "startup";
  #loop: Promise<void> | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  get state(): SystemOperationalState {
    return this.#state;
  }

  get pools(): readonly WorkerExecutorPool[] {
    return [...this.#pools.values()];
  }

  get statuses(): readonly NamespaceStatus[] {
    return this.pools.map((pool) => this.#statusOf(pool));
  }

  async start(): Promise<void> {
    if (this.#state !== "startup") return;
    this.#state = "normal";
    for (const pool of this.pools) await pool.start();
    this.#loop = this.#run();
  }

  /** Gives the namespace a pool; one that has one keeps it. */
  async addNamespace(namespace: string): Promise<void> {
    if (this.#pools.has(namespace)) return;
    const pool = this.#options.createPool(namespace);
    this.#pools.set(namespace, pool);
    if (this.#state === "normal") await pool.start();
  }

  /** Looks into the queues now. */
  wake(namespace?: string): void {
    for (const pool of this.pools) if (namespace === undefined || pool.namespace === namespace) pool.wake();
  }

  /** Claims no more. Steps under way go on; `idle` tells when they are done. */
  async stop(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "graceful_shutdown";
    this.#stopped.abort();
    await Promise.all(this.pools.map((pool) => pool.stop()));
    await this.#loop;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Resolves when no step is under way in any pool. */
  async idle(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.idle()));
  }

  /** The last word of a shutdown. */
  markStopped(): void {
    this.#state = "stopped";
  }

  async #run(): Promise<void> {
    const { clock, tickIntervalMs, logger } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await this.#tick().catch((error: unknown) => logger.warn({ err: error }, "queue depths not read"));
      await clock.wait(tickIntervalMs, this.#stopped.signal);
    }
  }

  async #tick(): Promise<void> {
    const depths = await this.#options.queueDepths([...this.#pools.keys()]);
    this.#observed = new Map(
      this.pools.map((pool) => [pool.namespace, this.#observe(pool, depths.get(pool.namespace) ?? 0)]),
    );
    for (const status of this.statuses) {
      this.#options.metrics.queueDepth.set({ namespace: status.namespace }, status.queueDepth);
      const slots = nextSlots(status, this.#options.scaling);
      if (slots !== status.slots) this.#pools.get(status.namespace)?.resize(slots);
    }
  }

  #statusOf({ namespace, slots, active }: WorkerExecutorPool): NamespaceStatus {
    const { queueDepth = 0, stepsPerSecond = 0 } = this.#observed.get(namespace) ?? {};
    return { namespace, slots, active, queueDepth, stepsPerSecond };
  }

  #observe(pool: WorkerExecutorPool, queueDepth: number): Observation {
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#seen.get(pool.namespace);
    this.#seen.set(pool.namespace, { completed: pool.completed, atMs: nowMs });
    const seconds = before === undefined ? 0 : (nowMs - before.atMs) / 1_000;
    const done = before === undefined ? 0 : pool.completed - before.completed;
    return { queueDepth, stepsPerSecond: seconds > 0 ? done / seconds : 0 };
  }
}

/** How many slots a pool should have: double under load with a backlog, half when idle without one. */
export function nextSlots(status: NamespaceStatus, rules: ScalingRules): number {
  const used = status.active / status.slots;
  if (status.queueDepth > 0 && used >= rules.scaleUpThreshold) return status.slots * 2;
  if (status.queueDepth === 0 && used <= rules.scaleDownThreshold) {
    return Math.max(rules.initialSlots, Math.floor(status.slots / 2));
  }
  return status.slots;
}
