/**
 * Postgres for a machine that has none, from the binaries that npm brings, on a data directory of its own:
 *
 * ```
 * <dataDir>/host.lock      held while a host lives; host.pid names it
 * <dataDir>/cluster/       PGDATA
 * <dataDir>/socket/        the only way in, mode 0700; a short path in /tmp where this one is too long for a socket
 * <dataDir>/postgres.log   what the server says
 * ```
 *
 * A host that is killed leaves its server running. The next host on the directory gets the lock, finds the server and takes
 * it over: nothing has to be recovered, and no second server can be started on the same files.
 */
import { existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../core/clock.ts";
import type { Logger } from "../../../core/logger.ts";
import { findBinaries } from "./binaries.ts";
import { clusterDirs, openCluster } from "./cluster.ts";
import { makeDataDir } from "./data-dir.ts";
import { lockDataDir } from "./data-dir-lock.ts";
import { ensureHostDatabase, HOST_DATABASE, HOST_USER } from "./host-database.ts";
import { runningPostmaster } from "./postmaster.ts";
import { ServerKeeper } from "./server-keeper.ts";
import { makeSocketDir, SERVER_PORT } from "./socket-dir.ts";

export interface EmbeddedPostgresOptions {
  /** Relative to the working directory; made where it is missing. */
  readonly dataDir: string;
  /** Told what takes long enough for a person to wonder. */
  readonly onProgress?: (message: string) => void;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** `postgresql.conf` settings over the launcher's own, for a server that is started (not adopted). */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where binaries are copied to when they cannot be used in place. Default: `cacheFolder()`. */
  readonly cacheDir?: string;
}

/** Ready for `pg`: a socket, no password. */
export interface EmbeddedConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** A Postgres server of this host's own. */
export interface EmbeddedPostgres extends AsyncDisposable {
  readonly connection: EmbeddedConnection;
  /** It was running already: a host before this one was killed. */
  readonly adopted: boolean;
  readonly pid: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Stops the server and gives the directory free. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts or adopts the server of a data directory, and makes role and database on the first start.
 *
 * @throws TSK_HOST_DATA_DIR_BUSY where a living host uses the directory.
 * @throws TSK_DATABASE_EMBEDDED_… where there are no binaries, no cluster can be made or opened, or the server does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { clock = systemClock, logger, onProgress = () => undefined, settings = {} } = options;
  const dataDir = makeDataDir(options.dataDir);
  const lock = lockDataDir(dataDir);
  try {
    const cacheDir = options.cacheDir ?? cacheFolder();
    const binaries = await findBinaries(cacheDir);
    const cluster = await openCluster({ dataDir, binaries, cacheDir }, () =>
      onProgress("Preparing the database (first start)…"),
    );
    const socketDir = makeSocketDir(cluster);
    const keeper = new ServerKeeper({ cluster, socketDir, dataDir, settings, clock, logger });
    const { adopted } = await keeper.start();
    await ensureHostDatabase(socketDir);
    logger.debug({ pid: keeper.server.pid, adopted, dataDir }, "embedded Postgres is up");

    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= keeper.stop().finally(() => lock.release());
      return stopping;
    };
    return {
      connection: connectionAt(socketDir),
      adopted,
      get pid() {
        return keeper.server.pid;
      },
      dataDir,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * The way into the server that a living host runs on the directory, for whoever may enter its socket's folder; undefined where
 * none runs. It is that host's: it may be gone the next moment.
 */
export function connectionToRunning(dataDir: string): EmbeddedConnection | undefined {
  for (const dir of clusterDirs({ dataDir: makeDataDir(dataDir), cacheDir: cacheFolder() })) {
    // A server works in its folder by the name without links.
    const running = existsSync(dir) ? runningPostmaster(realpathSync(dir)) : undefined;
    if (running !== undefined) return connectionAt(running.socketDir);
  }
  return undefined;
}

function connectionAt(socketDir: string): EmbeddedConnection {
  return { host: socketDir, port: SERVER_PORT, user: HOST_USER, database: HOST_DATABASE };
}

/** `/var/lib/tasker-host` for root, else `~/.cache/tasker-host`. */
function cacheFolder(): string {
  if (process.geteuid?.() === 0) return "/var/lib/tasker-host";
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tasker-host");
}
