import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Database, type DatabaseOptions, type DatabasePatience } from "../../src/host/database/connection.ts";
import { SERVER_NAMES, type ServerName, TEMPLATE_DATABASE, type TestServer, urlOf } from "./postgres-servers.ts";

/** A database of a test's own, on the run's server. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** Like `url`, as a user who may do everything. */
  readonly adminUrl: string;
  /** The host's own client on it; closed with the test database. */
  open(options?: Partial<DatabaseOptions>): Database;
  /** Waits until the task is in one of the states and returns it. Rejects after `timeoutMs` (30 s). */
  taskState(taskUuid: string, states: readonly string[], timeoutMs?: number): Promise<string>;
  close(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Default: `default`, Postgres 18 or what `TASKER_TEST_POSTGRES` names. */
  readonly server?: ServerName;
  /** False: nothing in it. Default: migrated. */
  readonly migrated?: boolean;
}

/** The servers that this machine has. */
export function testServerNames(): readonly ServerName[] {
  return SERVER_NAMES.filter((name) => inject("testServers")[name] !== undefined);
}

/** Makes a database: a clone of the migrated template, in some 50 ms. */
export async function testDatabase({
  server: name = "default",
  migrated = true,
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = serverOf(name);
  const database = `test_${randomBytes(6).toString("hex")}`;
  const owner = pg.escapeIdentifier(new URL(server.hostUrl).username);
  const source = migrated ? TEMPLATE_DATABASE : "template1";
  await runSql(server.adminUrl, `create database ${database} template ${source} owner ${owner}`);
  const opened: Database[] = [];
  const url = urlOf(server.hostUrl, database);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= Promise.all(opened.map((each) => each.close())).then(() =>
      runSql(server.adminUrl, `drop database if exists ${database} with (force)`),
    );
    return closing;
  };
  return {
    url,
    adminUrl: urlOf(server.adminUrl, database),
    open(options) {
      const each = new Database({ ...DEFAULTS, address: { url }, ...options });
      opened.push(each);
      return each;
    },
    taskState: (taskUuid, states, timeoutMs = 30_000) => taskState(url, taskUuid, states, timeoutMs),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A machine of tests stalls for seconds: nobody concludes from that that Postgres is away. */
export const PATIENT: DatabasePatience = { silenceMs: 60_000, probeMs: 60_000 };
/** As hosts have it, for tests of just that. */
export const AS_PATIENT_AS_HOSTS: DatabasePatience = { silenceMs: 2_000, probeMs: 2_000 };

const DEFAULTS: Omit<DatabaseOptions, "address"> = {
  maxConnections: 4,
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 30_000,
  idleInTransactionTimeoutMs: 30_000,
  ...PATIENT,
  clock: systemClock,
  logger: silentLogger,
};

function serverOf(name: ServerName): TestServer {
  const server = inject("testServers")[name];
  if (server === undefined)
    throw new Error(`no test server "${name}": is test/support/global-setup.ts in vitest.config.ts?`);
  return server;
}

async function taskState(url: string, taskUuid: string, states: readonly string[], timeoutMs: number): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  const reached = Promise.withResolvers<string>();
  let last = "none";
  const look = (state: string): void => {
    last = state;
    if (states.includes(state)) reached.resolve(state);
  };
  client.on("error", (error) => reached.reject(error));
  client.on("notification", ({ payload = "" }) => {
    const [task = "", state = ""] = payload.split(" ");
    if (task === taskUuid) look(state);
  });
  const timer = setTimeout(
    () =>
      reached.reject(new Error(`task ${taskUuid} is in "${last}" after ${timeoutMs} ms, not in ${states.join(", ")}`)),
    timeoutMs,
  );
  try {
    await client.connect();
    await client.query("listen test_task_states");
    const { rows } = await client.query<{ state: string | null }>("select tasker.get_current_task_state($1) as state", [
      taskUuid,
    ]);
    look(rows[0]?.state ?? "none");
    return await reached.promise;
  } finally {
    clearTimeout(timer);
    await client.end().catch(() => undefined);
  }
}

async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
