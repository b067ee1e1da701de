import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import type { Clock } from "../../../core/clock.ts";
import { TaskerError } from "../../../core/errors/index.ts";
import { type Cluster, SUPERUSER } from "./cluster.ts";
import { openOwned } from "./data-dir.ts";
import { disownDeadServer, isPostmasterOf, runningPostmaster } from "./postmaster.ts";
import { serverEnvironment } from "./run-command.ts";
import { commandAs } from "./server-identity.ts";
import { SERVER_PORT } from "./socket-dir.ts";

/** A Postgres that accepts connections. */
export interface RunningServer {
  readonly pid: number;
  readonly socketDir: string;
  /** It was running already: left by a host that was killed. */
  readonly adopted: boolean;
}

export interface ServerOptions {
  readonly cluster: Cluster;
  readonly socketDir: string;
  readonly dataDir: string;
  /** `postgresql.conf` settings over the launcher's own. */
  readonly settings: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** How often a server that starts or stops is looked at. */
const LOOK_INTERVAL_MS = 20;
/** A server that replays its log after a crash may take long; one that hangs must not hold the host for ever. */
const START_TIMEOUT_MS = 300_000;
/** After this a stop turns into a kill of all sessions without a checkpoint: the next start replays the log. */
const STOP_TIMEOUT_MS = 30_000;
/** The sessions of a postmaster that was killed live on for a moment, and no other may start while they do. */
const START_ATTEMPTS = 4;
const ATTEMPT_INTERVAL_MS = 250;
const MAX_LOG_BYTES = 10_000_000;

/**
 * Starts a server on the cluster, or takes the one that runs.
 * @throws TSK_DATABASE_EMBEDDED_START_FAILED with the end of the server's log.
 */
export async function runServer(options: ServerOptions): Promise<RunningServer> {
  const { cluster, socketDir, clock } = options;
  const running = runningPostmaster(cluster.dir);
  if (running !== undefined) {
    const survived = await untilReady(running.socketDir, () => isPostmasterOf(running.pid, cluster.dir), options);
    if (survived && running.socketDir === socketDir) return { ...running, adopted: true };
    // On its way out, or where nobody will look for it: a new one takes its place.
    await stopServer(running.pid, cluster.dir, clock);
  }
  disownDeadServer(cluster.dir, socketDir);
  return startServer(options, START_ATTEMPTS);
}

async function startServer(options: ServerOptions, attempts: number): Promise<RunningServer> {
  const { cluster, socketDir, clock } = options;
  const child = spawnServer(options);
  const ended = Promise.withResolvers<string>();
  child.once("error", (error) => ended.resolve(error.message));
  child.once("exit", (code, signal) => ended.resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  let end: string | undefined;
  void ended.promise.then((reason) => (end = reason));
  const ready = await untilReady(socketDir, () => end === undefined, options);
  if (ready && child.pid !== undefined) return { pid: child.pid, socketDir, adopted: false };
  child.kill("SIGQUIT");
  if (end !== undefined && attempts > 1) {
    await clock.wait(ATTEMPT_INTERVAL_MS);
    return startServer(options, attempts - 1);
  }
  const log = logTail(logPath(options));
  throw new TaskerError("TSK_DATABASE_EMBEDDED_START_FAILED", {
    attempted: `Cannot start the embedded Postgres on "${cluster.dir}"`,
    found: end === undefined ? `no answer within ${START_TIMEOUT_MS} ms` : `${end}, its last words: ${lastWords(log)}`,
    details: { logPath: logPath(options), log },
  });
}

function spawnServer(options: ServerOptions): ChildProcess {
  const { cluster, socketDir, settings } = options;
  const flags = Object.entries({ ...serverSettings(socketDir), ...settings }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const { file, args, ...identity } = commandAs(cluster.identity, cluster.binaries.postgres, [
    "-D",
    cluster.dir,
    ...flags,
  ]);
  const log = openLog(options);
  try {
    const child = spawn(file, args, {
      ...identity,
      cwd: "/",
      env: serverEnvironment(),
      stdio: ["ignore", log, log],
      // A process group of its own: Ctrl-C in the terminal is for the host, which stops the server last.
      detached: true,
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

function serverSettings(socketDir: string): Readonly<Record<string, string>> {
  return {
    listen_addresses: "",
    port: String(SERVER_PORT),
    // A list to Postgres: commas and quotes in a path would be read as such without the quotes.
    unix_socket_directories: `"${socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: "0700",
    timezone: "UTC",
    log_timezone: "UTC",
    log_checkpoints: "off",
    // Details and context of an error quote values: contexts and results do not belong in a log.
    log_error_verbosity: "terse",
    log_line_prefix: "%m [%p] ",
  };
}

function logPath({ dataDir }: ServerOptions): string {
  return join(dataDir, "postgres.log");
}

/** Appends; what was there beyond ten megabytes is one file back. */
function openLog(options: ServerOptions): number {
  const path = logPath(options);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_LOG_BYTES) renameSync(path, `${path}.1`);
  return openOwned(path, options.dataDir);
}

function logTail(path: string): readonly string[] {
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-20);
}

/** Why the server ended, without the time and process id before it. */
function lastWords(log: readonly string[]): string {
  const line = log.findLast((candidate) => /(FATAL|PANIC|ERROR):/.test(candidate)) ?? log.at(-1) ?? "";
  return line.replace(/^.*?(?=(FATAL|PANIC|ERROR):)/, "");
}

/** Waits until the server answers; false where it ends, or does not within the time. */
async function untilReady(socketDir: string, isRunning: () => boolean, { clock }: ServerOptions): Promise<boolean> {
  const deadline = clock.monotonicMs() + START_TIMEOUT_MS;
  while (isRunning() && clock.monotonicMs() < deadline) {
    if (await answers(socketDir)) return true;
    await clock.wait(LOOK_INTERVAL_MS);
  }
  return false;
}

async function answers(socketDir: string): Promise<boolean> {
  const client = adminClient(socketDir);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A connection as superuser, not yet opened. */
export function adminClient(socketDir: string, database = "postgres"): Client {
  const client = new Client({
    host: socketDir,
    port: SERVER_PORT,
    user: SUPERUSER,
    database,
    connectionTimeoutMillis: 10_000,
  });
  // A server that goes down breaks the connection; who waits for an answer hears of it there.
  client.on("error", () => undefined);
  return client;
}

/** Stops the server: sessions end at once, the data is written. Resolves when the process is gone. */
export async function stopServer(pid: number, clusterDir: string, clock: Clock): Promise<void> {
  signal(pid, clusterDir, "SIGINT");
  const deadline = clock.monotonicMs() + STOP_TIMEOUT_MS;
  while (isPostmasterOf(pid, clusterDir)) {
    if (clock.monotonicMs() >= deadline) signal(pid, clusterDir, "SIGQUIT");
    await clock.wait(LOOK_INTERVAL_MS);
  }
}

function signal(pid: number, clusterDir: string, name: "SIGINT" | "SIGQUIT"): void {
  if (isPostmasterOf(pid, clusterDir)) process.kill(pid, name);
}
