import type { Clock } from "../../core/clock.ts";
import { isTaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import type { Database } from "../database/connection.ts";
import { activeComponents, everServedNamespaces } from "../database/handler-lists.ts";
import type { ComponentStore } from "./component-store.ts";
import type { NamespaceGrants, UngrantedVersion } from "./namespace-grants.ts";

/** How long a component that was refused is left alone, in milliseconds, while nobody tells of changes. */
const REFUSED_REST_MS = 10_000;

/** Postgres tells of changed handlers and grants here; the payload is their namespace. */
export const REGISTRY_CHANNEL = "tasker_host_registry";

export interface RegistryWatchOptions {
  readonly database: Database;
  readonly store: ComponentStore;
  readonly grants: NamespaceGrants;
  /**
   * Called at each look with the namespaces that have active handlers or ever had: steps that come after a deactivation end
   * with what the database says of them, also where nobody looked while the handler was active.
   */
  readonly onNamespaces: (namespaces: readonly string[]) => Promise<void>;
  /** How often it looks by itself, in milliseconds: a notification may get lost. */
  readonly pollIntervalMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps this host up with the registry of the database: grants, namespaces that are new, and the components that the next
 * steps will ask for, before they ask. After an upgrade it prepares what was uploaded before, in the background.
 *
 * What runs a step is decided by the database at its claim, so a host that is behind here is slower and never wrong.
 */
export class RegistryWatch implements Service {
  readonly #options: RegistryWatchOptions;
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;
  #preparing: Promise<void> | undefined;
  #wake = new AbortController();
  /** What was active at the last look, by namespace and digest: only what came since is fetched. */
  #fetched: ReadonlySet<string> = new Set();
  /** Somebody told of a change since the last look. */
  #told = false;
  #lookedAgainMs = Number.NEGATIVE_INFINITY;
  #ungranted: readonly UngrantedVersion[] = [];

  constructor(options: RegistryWatchOptions) {
    this.#options = options;
  }

  /** Active versions whose steps end in error for want of grants, as of the last look. */
  get ungranted(): readonly UngrantedVersion[] {
    return this.#ungranted;
  }

  start(): Promise<void> {
    this.#loop ??= this.#run();
    this.#preparing ??= this.#prepareOld();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake.abort();
    await this.#loop;
    await this.#preparing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** True where a component was active in a namespace at the last look. */
  isActive(namespace: string, digest: string): boolean {
    return this.#fetched.has(`${namespace}/${digest}`);
  }

  /** Looks now rather than at the next poll. */
  changed(): void {
    this.#told = true;
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { clock, logger, pollIntervalMs } = this.#options;
    while (!this.#stopped.signal.aborted) {
      // Renewed before the look: what changes during it is looked at again.
      this.#wake = new AbortController();
      await this.#look().catch((error: unknown) => logger.debug({ err: error }, "registry not looked at"));
      if (this.#stopped.signal.aborted) return;
      await clock.wait(pollIntervalMs, this.#wake.signal);
    }
  }

  async #look(): Promise<void> {
    const { database, grants, store, clock, logger } = this.#options;
    const told = this.#told;
    this.#told = false;
    await grants.refresh();
    const active = await activeComponents(database);
    this.#ungranted = await grants.ungranted(active);
    const namespaces = await everServedNamespaces(database);
    // A namespace that cannot be served keeps no component of the others from being fetched.
    await this.#options.onNamespaces(namespaces).catch((error: unknown) => {
      logger.warn({ err: error }, "namespaces of handlers cannot be served");
    });
    const now = clock.monotonicMs();
    if (told || now - this.#lookedAgainMs >= REFUSED_REST_MS) {
      this.#lookedAgainMs = now;
      await store.lookAgain();
    }
    const seen = new Set<string>();
    for (const { namespace, digest } of active) {
      const key = `${namespace}/${digest}`;
      seen.add(key);
      if (this.#fetched.has(key) || this.#stopped.signal.aborted) continue;
      await store.load(namespace, digest).catch((error: unknown) => {
        logger.warn({ err: error, namespace, digest }, "active component cannot be loaded");
      });
    }
    this.#fetched = seen;
  }

  /** One after the other, active ones first; hosts that do the same at once find each other's work. */
  async #prepareOld(): Promise<void> {
    const { clock, logger, pollIntervalMs } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        if (await this.#prepareUnprepared()) return;
      } catch (error) {
        logger.debug({ err: error }, "stored components not looked at");
      }
      await clock.wait(pollIntervalMs, this.#stopped.signal);
    }
  }

  /** False where the database, and not a component, kept some from being prepared. */
  async #prepareUnprepared(): Promise<boolean> {
    const { store, logger } = this.#options;
    const digests = await store.unprepared();
    let done = true;
    for (const digest of digests) {
      if (this.#stopped.signal.aborted) return true;
      await store.prepareAgain(digest).catch((error: unknown) => {
        if (!isTaskerError(error) || !error.code.startsWith("TSK_COMPONENT_")) done = false;
        logger.warn({ err: error, digest }, "stored component cannot be prepared for this host");
      });
    }
    if (digests.length > 0) logger.info({ components: digests.length }, "stored components prepared for this host");
    return done;
  }
}
