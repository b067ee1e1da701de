import { TaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import type { Database } from "../database/connection.ts";
import { ensureQueue } from "../database/templates.ts";
import type { WorkerLoopCoordinator } from "../worker/coordinator.ts";

export interface NamespacePoolsOptions {
  readonly database: Database;
  readonly coordinator: Pick<WorkerLoopCoordinator, "pools" | "addNamespace">;
  /** The only ones that this host may serve; empty: all. */
  readonly only: readonly string[];
  readonly logger: Logger;
}

/** Pools for the namespaces that turn up. One that cannot be served keeps none of the others waiting, and is tried again. */
export class NamespacePools {
  readonly #options: NamespacePoolsOptions;
  readonly #failed = new Map<string, TaskerError>();

  constructor(options: NamespacePoolsOptions) {
    this.#options = options;
  }

  /** What cannot be served, and why. */
  get problems(): readonly { readonly namespace: string; readonly error: TaskerError }[] {
    return [...this.#failed].map(([namespace, error]) => ({ namespace, error }));
  }

  /** Serves those of the namespaces that it may and does not yet, and those that failed before. Never rejects. */
  async serve(found: readonly string[]): Promise<void> {
    const { coordinator, only } = this.#options;
    for (const namespace of new Set([...found, ...this.#failed.keys()])) {
      const served = coordinator.pools.some((pool) => pool.namespace === namespace);
      if (served || (only.length > 0 && !only.includes(namespace))) continue;
      await this.#add(namespace);
    }
  }

  async #add(namespace: string): Promise<void> {
    const { database, coordinator, logger } = this.#options;
    try {
      await ensureQueue(database, namespace);
      await coordinator.addNamespace(namespace);
      this.#failed.delete(namespace);
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      // Once, and not at every try.
      if (this.#failed.get(namespace)?.found !== found) logger.warn({ err: cause, namespace }, "namespace not served");
      const attempted = `Cannot serve namespace "${namespace}"`;
      this.#failed.set(namespace, new TaskerError("TSK_HOST_NAMESPACE_UNSERVED", { attempted, found, cause }));
    }
  }
}
