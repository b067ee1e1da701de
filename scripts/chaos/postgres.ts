import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../../src/core/clock.ts";
import { findBinaries } from "../../src/host/database/embedded/binaries.ts";
import { type Cluster, openCluster } from "../../src/host/database/embedded/cluster.ts";
import { makeDataDir } from "../../src/host/database/embedded/data-dir.ts";
import { ensureHostDatabase, HOST_DATABASE, HOST_USER } from "../../src/host/database/embedded/host-database.ts";
import { adminClient, runServer, type RunningServer, stopServer } from "../../src/host/database/embedded/server.ts";
import { makeSocketDir, SERVER_PORT } from "../../src/host/database/embedded/socket-dir.ts";
import { migrate } from "../../src/host/database/migrate.ts";
import type { RestartWay } from "./fault.ts";

const RETURN_TIMEOUT_MS = 60_000;

/** A real Postgres with its usual durability, in a folder of its own, that can be taken down in several ways. */
export class LabPostgres {
  readonly folder: string;
  readonly #cluster: Cluster;
  readonly #socketDir: string;
  readonly #settings: Readonly<Record<string, string>>;
  #server: RunningServer;

  private constructor(
    folder: string,
    cluster: Cluster,
    socketDir: string,
    settings: Readonly<Record<string, string>>,
    server: RunningServer,
  ) {
    this.folder = folder;
    this.#cluster = cluster;
    this.#socketDir = socketDir;
    this.#settings = settings;
    this.#server = server;
  }

  /** Starts one on an empty, migrated database. `settings` go over those of `postgresql.conf`. */
  static async start(name: string, settings: Readonly<Record<string, string>> = {}): Promise<LabPostgres> {
    const folder = makeDataDir(mkdtempSync(join(tmpdir(), `tasker-${name}-`)));
    const cacheDir = join(folder, "cache");
    const cluster = await openCluster(
      { dataDir: folder, binaries: await findBinaries(cacheDir), cacheDir },
      () => undefined,
    );
    const socketDir = makeSocketDir(cluster);
    const server = await runServer({ cluster, socketDir, dataDir: folder, settings, clock: systemClock });
    const postgres = new LabPostgres(folder, cluster, socketDir, settings, server);
    await ensureHostDatabase(socketDir);
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await migrate(client);
    await client.end();
    return postgres;
  }

  /** The host's user, over the unix socket. */
  get url(): string {
    return `postgres://${HOST_USER}@localhost/${HOST_DATABASE}?host=${encodeURIComponent(this.#socketDir)}`;
  }

  get socketPath(): string {
    return join(this.#socketDir, `.s.PGSQL.${SERVER_PORT}`);
  }

  /** For a person: what to type to look into what was kept. */
  get howToLook(): string {
    return `${this.#cluster.binaries.postgres} -D ${this.#cluster.dir} -k ${this.#socketDir} -c listen_addresses= # then psql "${this.url}"`;
  }

  /** The host's user, over TCP on this port of 127.0.0.1. */
  urlThrough(port: number): string {
    return `postgres://${HOST_USER}@127.0.0.1:${port}/${HOST_DATABASE}`;
  }

  /** A session as superuser in the hosts' database; rejects while the server is down. */
  async admin<T>(body: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = adminClient(this.#socketDir, HOST_DATABASE);
    try {
      await client.connect();
      return await body(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Takes the server down, leaves it down for `downMs` and brings it back; resolves when it accepts connections. */
  async restart(way: RestartWay, downMs: number): Promise<void> {
    const { pid } = this.#server;
    if (way === "fast") await stopServer(pid, this.#cluster.dir, systemClock);
    else process.kill(pid, way === "immediate" ? "SIGQUIT" : "SIGKILL");
    await systemClock.wait(downMs);
    this.#server = await this.#startAgain(performance.now() + RETURN_TIMEOUT_MS);
  }

  /** Until the deadline: a backend that works on something lives on for a while after its postmaster, and keeps the next one out. */
  async #startAgain(deadline: number): Promise<RunningServer> {
    for (;;) {
      try {
        return await runServer({
          cluster: this.#cluster,
          socketDir: this.#socketDir,
          dataDir: this.folder,
          settings: this.#settings,
          clock: systemClock,
        });
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    await stopServer(this.#server.pid, this.#cluster.dir, systemClock);
  }

  /** Deletes its files; it is stopped. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
