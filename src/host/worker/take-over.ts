import type { Logger } from "../../core/logger.ts";
import type { ClaimedStep } from "../database/steps.ts";
import type { WorkerLoopCoordinator } from "./coordinator.ts";

export interface TakeOverDeps {
  readonly coordinator: WorkerLoopCoordinator;
  /** Steps of hosts that are gone, leased to this one now. */
  readonly takeOverSteps: (namespaces: readonly string[], quantity: number) => Promise<readonly ClaimedStep[]>;
  /** Offers leases that this host holds and does not know of. */
  readonly reconcileLeases: (heldSteps: readonly string[]) => Promise<number>;
  readonly logger: Logger;
}

/**
 * After each heartbeat: offers own leases whose claim's answer never arrived, then takes over what hosts that are gone left
 * behind, as far as there are free slots.
 */
export class TakeOver {
  readonly #deps: TakeOverDeps;

  constructor(deps: TakeOverDeps) {
    this.#deps = deps;
  }

  async run(): Promise<void> {
    const { coordinator, takeOverSteps, reconcileLeases, logger } = this.#deps;
    const held = coordinator.pools.flatMap((pool) => pool.activeSteps.map(({ stepUuid }) => stepUuid));
    const lost = await reconcileLeases(held);
    if (lost > 0) logger.warn({ steps: lost }, "offered leases whose claim was never answered");
    if (coordinator.state !== "normal") return;
    const pools = new Map(coordinator.pools.filter((pool) => pool.free > 0).map((pool) => [pool.namespace, pool]));
    if (pools.size === 0) return;
    const quantity = Math.min(...Array.from(pools.values(), (pool) => pool.free));
    const taken = await takeOverSteps([...pools.keys()], quantity);
    for (const step of taken) pools.get(step.namespace)?.adopt(step);
    if (taken.length > 0) logger.info({ steps: taken.length }, "took over steps of hosts that are gone");
  }
}
