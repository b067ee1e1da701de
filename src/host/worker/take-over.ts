import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Reconciled } from "../database/leases.ts";
import type { ClaimedStep, TakenOver } from "../database/steps.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { WorkerLoopCoordinator } from "./coordinator.ts";
import type { WorkerExecutorPool } from "./executor-pool.ts";
import type { SlotTaker, StepCapacity } from "./step-capacity.ts";

export interface TakeOverDeps {
  readonly coordinator: WorkerLoopCoordinator;
  readonly capacity: StepCapacity;
  /** Steps of hosts that are gone, leased to this one now. */
  readonly takeOverSteps: (namespaces: readonly string[], quantity: number) => Promise<TakenOver>;
  /** Offers leases from before `before` that this host holds and does not know of. */
  readonly reconcileLeases: (heldSteps: readonly string[], before: string | undefined) => Promise<Reconciled>;
  /** Offers steps again that arrived when the host had begun to stop. */
  readonly offerUnstarted: (steps: readonly ClaimedStep[]) => Promise<void>;
  /** True while Postgres is away or results wait for it. */
  readonly paused: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Looks again for steps that somebody held for a moment, and how long to wait before each. The next heartbeat looks, too. */
const LOOKS_AT_LOCKED = 4;
const LOCKED_WAIT_MS = 200;

/** What one look saw. */
interface Look {
  /** There may be more behind what came. */
  readonly more: boolean;
  readonly locked: boolean;
}

const NOTHING: Look = { more: false, locked: false };

/**
 * Brings steps of hosts that are gone to this one: after each heartbeat, and when a host says that it hands some over. It
 * fills its pools up to their largest size: these steps have waited, and whoever held them had room for them, too.
 */
export class TakeOver implements SlotTaker {
  readonly #deps: TakeOverDeps;
  /** When the database last looked for leases that nobody knows of, and when its answer came, by our clock. */
  #looked: { readonly at: string; readonly answeredMs: number } | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(deps: TakeOverDeps) {
    this.#deps = deps;
  }

  /** After a heartbeat: offers own leases whose claim was never answered, then takes over. */
  async run(): Promise<void> {
    await this.#reconcile();
    await this.takeOver();
  }

  /** Slots are free, for which steps of others wait. */
  wake(): void {
    const { logger } = this.#deps;
    void this.takeOver().catch((error: unknown) => logger.warn({ err: error }, "steps of other hosts not looked at"));
  }

  /** Takes over what there is room for. A call while another is under way makes that one look again. */
  takeOver(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#untilNothingIsLeft().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #untilNothingIsLeft(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      for (let looks = 0; looks <= LOOKS_AT_LOCKED;) {
        const { more, locked } = await this.#takeOnce();
        if (more) continue;
        if (!locked) break;
        looks += 1;
        await this.#deps.clock.wait(LOCKED_WAIT_MS);
      }
    }
  }

  /** One round trip. */
  async #takeOnce(): Promise<Look> {
    const { coordinator, capacity, takeOverSteps, paused, logger, metrics } = this.#deps;
    if (coordinator.state !== "normal" || paused()) return NOTHING;
    const pools = new Map(coordinator.pools.filter((pool) => pool.room > 0).map((pool) => [pool.namespace, pool]));
    if (pools.size === 0) return NOTHING;
    // All may be of the namespace with the least room; the next round fills the others.
    const room = Math.min(...Array.from(pools.values(), (pool) => pool.room));
    const quantity = capacity.reserve(this, room);
    if (quantity === 0) return NOTHING;
    const look = takeOverSteps([...pools.keys()], quantity);
    // From here to the adoption nobody else comes in between.
    const { steps: taken, ended, locked } = await look.finally(() => capacity.release(this, quantity));
    if (taken.length > 0 && !this.#stillRuns()) {
      await this.#deps.offerUnstarted(taken);
      return NOTHING;
    }
    for (const step of taken) pools.get(step.namespace)?.adopt(step);
    for (const { namespace } of taken) metrics.stepsTakenOver.inc({ namespace });
    if (taken.length + ended > 0) logger.info({ steps: taken.length, ended }, "took over steps of hosts that are gone");
    return { more: taken.length + ended > 0, locked: locked > 0 };
  }

  #stillRuns(): boolean {
    return this.#deps.coordinator.state === "normal";
  }

  async #reconcile(): Promise<void> {
    const { coordinator, reconcileLeases, clock, logger } = this.#deps;
    // Steps of a take-over under way are in no pool yet.
    if (this.#running !== undefined) return;
    const { pools } = coordinator;
    const before = this.#looked;
    // A claim whose answer may still come is not lost, however slow the database is.
    if (before !== undefined && pools.some((pool) => claimsSince(pool, before.answeredMs))) return;
    const held = pools.flatMap((pool) => pool.activeSteps.map(({ stepUuid }) => stepUuid));
    const { released, lookedAt } = await reconcileLeases(held, before?.at);
    this.#looked = { at: lookedAt, answeredMs: clock.monotonicMs() };
    if (released > 0) logger.warn({ steps: released }, "offered leases whose claim was never answered");
  }
}

/** True where a claim is under way that began before that time. */
function claimsSince(pool: WorkerExecutorPool, timeMs: number): boolean {
  return pool.claimingSinceMs !== undefined && pool.claimingSinceMs <= timeMs;
}
