import type { Logger } from "../../../core/logger.ts";
import { TaskerError } from "../../../core/errors/index.ts";
import { isPostmasterOf } from "./postmaster.ts";
import { type RunningServer, runServer, type ServerOptions, stopServer } from "./server.ts";

export interface ServerKeeperOptions extends ServerOptions {
  readonly logger: Logger;
}

const WATCH_INTERVAL_MS = 500;

/** Keeps one server running: starts or adopts it, and starts it again should it die under the host. */
export class ServerKeeper {
  readonly #options: ServerKeeperOptions;
  readonly #stopped = new AbortController();
  #server: RunningServer | undefined;
  #watch: Promise<void> | undefined;

  constructor(options: ServerKeeperOptions) {
    this.#options = options;
  }

  /** The server of the last start. */
  get server(): RunningServer {
    if (this.#server !== undefined) return this.#server;
    throw new TaskerError("TSK_HOST_INTERNAL", {
      attempted: "Cannot tell where the embedded Postgres is",
      found: "it was never started",
    });
  }

  async start(): Promise<RunningServer> {
    this.#server = await runServer(this.#options);
    this.#watch = this.#run();
    return this.#server;
  }

  /** Stops the server; resolves when its process is gone. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watch;
    if (this.#server !== undefined) await stopServer(this.#server.pid, this.#options.cluster.dir, this.#options.clock);
  }

  async #run(): Promise<void> {
    const { clock, cluster, logger } = this.#options;
    for (;;) {
      await clock.wait(WATCH_INTERVAL_MS, this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      if (isPostmasterOf(this.server.pid, cluster.dir)) continue;
      logger.error({ pid: this.server.pid }, "embedded Postgres died, starting it again");
      try {
        this.#server = await runServer(this.#options);
        logger.info({ pid: this.#server.pid }, "embedded Postgres is up again");
      } catch (error) {
        logger.error({ err: error }, "embedded Postgres does not start, trying again");
      }
    }
  }
}
