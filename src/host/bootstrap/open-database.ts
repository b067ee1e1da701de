import type { Clock } from "../../core/clock.ts";
import { TaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import type { HostConfig } from "../config/schema.ts";
import { Database, type DatabasePatience } from "../database/connection.ts";
import { connectionToRunning, startEmbeddedPostgres } from "../database/embedded/start-embedded-postgres.ts";
import type { DatabaseAddress } from "../database/session-config.ts";

/** The database of this host, and how it came to it. */
export interface OpenedDatabase extends AsyncDisposable {
  readonly database: Database;
  readonly kind: "embedded" | "external";
  /** For people: `embedded Postgres at /data/pg (adopted)`, `postgres://db:5432/tasker`. Never with a password. */
  readonly description: string;
}

export interface OpenDatabaseDeps {
  readonly config: HostConfig["database"];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onProgress: (message: string) => void;
  /** Uses the embedded server of a host that runs, where one does: for commands that a host need not stop for. Default false. */
  readonly besideHost?: boolean;
  /** See `DatabaseOptions.onRoundTrip`. */
  readonly onRoundTrip?: ((name: string) => void) | undefined;
  /** Default: that of `Database`. */
  readonly patience?: DatabasePatience;
}

/**
 * Connects to `database.url`, or starts the embedded server where there is none; asks one question to be sure.
 * @throws TSK_DATABASE_UNREACHABLE, TSK_HOST_DATA_DIR_BUSY, TSK_DATABASE_EMBEDDED_…
 */
export async function openDatabase(deps: OpenDatabaseDeps): Promise<OpenedDatabase> {
  await using resources = new AsyncDisposableStack();
  const { url } = deps.config;
  if (url !== "") {
    refuseBrokenUrl(url);
    const database = resources.use(connect({ url }, deps));
    await database.query("ping", "select 1");
    const kept = resources.move();
    return {
      database,
      kind: "external",
      description: withoutPassword(url),
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  }
  const running = deps.besideHost === true ? connectionToRunning(deps.config.embeddedDataDir) : undefined;
  if (running !== undefined) {
    const database = resources.use(connect(running, deps));
    await database.query("ping", "select 1");
    const kept = resources.move();
    return {
      database,
      kind: "embedded",
      description: `embedded Postgres of the host that runs on ${deps.config.embeddedDataDir}`,
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  }
  const server = resources.use(
    await startEmbeddedPostgres({
      dataDir: deps.config.embeddedDataDir,
      onProgress: deps.onProgress,
      logger: deps.logger,
      clock: deps.clock,
    }),
  );
  const database = resources.use(connect(server.connection, deps));
  await database.query("ping", "select 1");
  const kept = resources.move();
  return {
    database,
    kind: "embedded",
    description: `embedded Postgres in ${server.dataDir}${server.adopted ? " (taken over from a host that was killed)" : ""}`,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function connect(
  address: DatabaseAddress,
  { config, clock, logger, onRoundTrip, patience }: OpenDatabaseDeps,
): Database {
  return new Database({
    address,
    maxConnections: config.maxConnections,
    connectTimeoutMs: config.connectTimeoutSeconds * 1_000,
    statementTimeoutMs: config.statementTimeoutSeconds * 1_000,
    idleInTransactionTimeoutMs: config.idleInTransactionTimeoutSeconds * 1_000,
    clock,
    logger,
    ...(onRoundTrip === undefined ? {} : { onRoundTrip }),
    ...patience,
  });
}

/** The URL itself is not shown: it may hold a password. */
function refuseBrokenUrl(url: string): void {
  if (URL.canParse(url)) return;
  throw new TaskerError("TSK_CONFIG_INVALID", {
    attempted: "Cannot connect to the database",
    found: "database.url (or DATABASE_URL) is no URL",
    accepted: "postgres://user:password@host:5432/name, or postgres://user@localhost/name?host=/folder/of/socket",
  });
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//").replace(/\?.*$/, "");
}
