import { existsSync, mkdtempSync } from "node:fs";
import { chmod, chown, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../../src/core/clock.ts";
import { findBinaries } from "../../src/host/database/embedded/binaries.ts";
import { type Cluster, openCluster, SUPERUSER } from "../../src/host/database/embedded/cluster.ts";
import { makeDataDir } from "../../src/host/database/embedded/data-dir.ts";
import { ensureHostDatabase, HOST_USER } from "../../src/host/database/embedded/host-database.ts";
import { runCommand } from "../../src/host/database/embedded/run-command.ts";
import { runServer, stopServer } from "../../src/host/database/embedded/server.ts";
import { commandAs, nobody, type ServerIdentity } from "../../src/host/database/embedded/server-identity.ts";
import { makeSocketDir } from "../../src/host/database/embedded/socket-dir.ts";
import { migrate } from "../../src/host/database/migrate.ts";

/** The servers that tests may run on. Not all are on every machine. */
export const SERVER_NAMES = ["default", "postgres-15"] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

/** How a test reaches one: URLs of the database `NAME` as the host's user, and as one who may create databases. */
export interface TestServer {
  readonly hostUrl: string;
  readonly adminUrl: string;
}

/** A migrated database that others are cloned of. */
export const TEMPLATE_DATABASE = "tasker_test_template";

const POSTGRES_15 = "/usr/lib/postgresql/15/bin";

/** A test run survives no power cut anyway. */
const SETTINGS = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "200" };

export interface StartedServers extends AsyncDisposable {
  readonly servers: Partial<Record<ServerName, TestServer>>;
}

/** Starts the servers of a test run, each with a migrated template: Postgres 18 from npm or `TASKER_TEST_POSTGRES`, and an installed 15. */
export async function startTestServers(): Promise<StartedServers> {
  await using stack = new AsyncDisposableStack();
  const servers: Partial<Record<ServerName, TestServer>> = {};
  const url = process.env["TASKER_TEST_POSTGRES"];
  servers.default = url === undefined ? await throwAway(embeddedCluster, stack) : given(url);
  if (existsSync(join(POSTGRES_15, "postgres"))) servers["postgres-15"] = await throwAway(installedCluster, stack);
  for (const server of Object.values(servers)) await makeTemplate(server);
  const kept = stack.move();
  return { servers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The URL with another database. */
export function urlOf(template: string, database: string): string {
  const url = new URL(template);
  url.pathname = `/${database}`;
  return url.href;
}

async function throwAway(
  makeCluster: (dataDir: string) => Promise<Cluster>,
  stack: AsyncDisposableStack,
): Promise<TestServer> {
  const dataDir = makeDataDir(mkdtempSync(join(tmpdir(), "tasker-test-postgres-")));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const cluster = await makeCluster(dataDir);
  const socketDir = makeSocketDir(cluster);
  const server = await runServer({ cluster, socketDir, dataDir, settings: SETTINGS, clock: systemClock });
  stack.defer(() => stopServer(server.pid, cluster.dir, systemClock));
  await ensureHostDatabase(socketDir);
  const url = (user: string): string => `postgres://${user}@localhost/postgres?host=${encodeURIComponent(socketDir)}`;
  return { hostUrl: url(HOST_USER), adminUrl: url(SUPERUSER) };
}

async function embeddedCluster(dataDir: string): Promise<Cluster> {
  const cacheDir = join(dataDir, "cache");
  return openCluster({ dataDir, binaries: await findBinaries(cacheDir), cacheDir }, () => undefined);
}

/** The launcher's own flags are for the version that it brings; an older initdb does not know them all. */
async function installedCluster(dataDir: string): Promise<Cluster> {
  const dir = join(dataDir, "cluster");
  const identity: ServerIdentity = process.geteuid?.() === 0 ? { kind: "user", ...nobody() } : { kind: "self" };
  await mkdir(dir);
  if (identity.kind === "user") {
    await chmod(dataDir, 0o711);
    await chown(dir, identity.uid, identity.gid);
  }
  const binaries = {
    folder: join(POSTGRES_15, ".."),
    initdb: join(POSTGRES_15, "initdb"),
    postgres: join(POSTGRES_15, "postgres"),
  };
  const args = [
    `--pgdata=${dir}`,
    `--username=${SUPERUSER}`,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
  ];
  const { exitCode, output } = await runCommand(commandAs(identity, binaries.initdb, args));
  if (exitCode !== 0) throw new Error(`initdb of Postgres 15: ${output}`);
  return { dir, identity, binaries };
}

/** The tests' own user may do everything there. */
function given(url: string): TestServer {
  return { hostUrl: url, adminUrl: url };
}

async function makeTemplate({ hostUrl, adminUrl }: TestServer): Promise<void> {
  const owner = new URL(hostUrl).username;
  await runSql(adminUrl, `drop database if exists ${TEMPLATE_DATABASE} with (force)`);
  await runSql(adminUrl, `create database ${TEMPLATE_DATABASE} owner ${pg.escapeIdentifier(owner)}`);
  const client = new pg.Client({ connectionString: urlOf(hostUrl, TEMPLATE_DATABASE) });
  await client.connect();
  try {
    await migrate(client);
    await client.query(ANNOUNCE_STATES);
    // Clones start with statistics as an empty database has them after its first vacuum.
    await client.query("analyze");
  } finally {
    await client.end();
  }
}

/** What `taskState` listens to: tests wait for a state instead of asking for it again and again. */
const ANNOUNCE_STATES = `
  create schema test_support;
  create function test_support.announce() returns trigger language plpgsql as $$
  begin
    perform pg_notify('test_task_states', new.task_uuid || ' ' || new.to_state);
    return null;
  end
  $$;
  create trigger test_announce after insert on tasker.task_transitions
    for each row when (new.most_recent) execute function test_support.announce();`;

async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
