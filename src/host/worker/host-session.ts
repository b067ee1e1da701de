import type { Clock } from "../../core/clock.ts";
import { uuidv7 } from "../../core/ids.ts";
import type { Logger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import { repeatUntil } from "./repeat-until.ts";
import { WakeSignal } from "./wake-signal.ts";

/** What a session needs of the database. */
export interface SessionStore {
  readonly openSession: (session: string) => Promise<void>;
  /** False where the session was declared dead: its leases may be another host's by now. */
  readonly heartbeat: (session: string) => Promise<boolean>;
  readonly closeSession: (session: string) => Promise<void>;
  /** Gives the leases that this host still holds from a session that was declared dead to its new one. */
  readonly moveLeases: (from: string, to: string) => Promise<void>;
}

export interface HostSessionOptions {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly heartbeatIntervalMs: number;
  /** How long `stop` goes on trying to close the session while Postgres is away. */
  readonly persistenceTimeoutMs: number;
  /** Called after each heartbeat that the database accepted, unless the call before is still under way. */
  readonly onBeat: () => Promise<void>;
}

/**
 * This host's row in `tasker_host.host_sessions`: every lease points to it, and one heartbeat renews them all.
 * A session that was declared dead while Postgres or this process was away is not revived: a new one is opened, and what the
 * host still holds moves there before it looks for steps to take over, or it would take its own and run them twice side by side.
 */
export class HostSession implements Service {
  readonly #options: HostSessionOptions;
  readonly #stopped = new AbortController();
  #id = uuidv7();
  #loop: Promise<void> | undefined;
  /** Sessions that were declared dead and whose leases have not moved yet. */
  readonly #former = new Set<string>();
  readonly #now = new WakeSignal();
  /** The call of `onBeat` under way. The next heartbeat does not wait for it: a slow take-over must not cost the lease. */
  #afterBeat: Promise<void> | undefined;

  constructor(options: HostSessionOptions) {
    this.#options = options;
  }

  get id(): string {
    return this.#id;
  }

  /** False while leases that this host holds stand under a name that was declared dead: nothing may be taken over then. */
  get settled(): boolean {
    return this.#former.size === 0;
  }

  /** Beats now: the database is back, and others wait to hear from this host. */
  beat(): void {
    this.#now.wake();
  }

  async start(): Promise<void> {
    if (this.#loop !== undefined) return;
    await this.#open();
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    if (this.#loop === undefined) return;
    this.#stopped.abort();
    await this.#loop;
    await this.#afterBeat;
    // A row that is not closed is declared dead when its lease time is over: slower, not wrong.
    const { store, clock, logger, persistenceTimeoutMs } = this.#options;
    await repeatUntil(clock, clock.monotonicMs() + persistenceTimeoutMs, () => store.closeSession(this.#id)).catch(
      (error: unknown) => logger.warn({ err: error }, "session not closed"),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #open(): Promise<void> {
    await this.#options.store.openSession(this.#id);
  }

  async #run(): Promise<void> {
    const { clock, heartbeatIntervalMs } = this.#options;
    for (;;) {
      await this.#now.wait(clock, heartbeatIntervalMs, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      await this.#beat().catch((error: unknown) => this.#options.logger.warn({ err: error }, "heartbeat failed"));
    }
  }

  async #beat(): Promise<void> {
    const { store, logger } = this.#options;
    if (!(await store.heartbeat(this.#id))) {
      logger.warn({ session: this.#id }, "session was declared dead, opening a new one");
      this.#former.add(this.#id);
      this.#id = uuidv7();
      await this.#open();
    }
    for (const former of this.#former) {
      await store.moveLeases(former, this.#id);
      this.#former.delete(former);
    }
    this.#afterBeat ??= this.#runAfterBeat().finally(() => {
      this.#afterBeat = undefined;
    });
  }

  async #runAfterBeat(): Promise<void> {
    try {
      await this.#options.onBeat();
    } catch (error) {
      this.#options.logger.warn({ err: error }, "steps of other hosts not looked at");
    }
  }
}
