import pg, { type ClientBase } from "pg";
import { TaskerError } from "../../core/errors/index.ts";
import { ledgerText, type MigrationFile, migrationFiles, type MigrationGroup } from "./migration-files.ts";

/** How a database stands to the migrations of this host. */
export interface MigrationStatus {
  /** As Postgres writes it: `18.4`. */
  readonly serverVersion: string;
  /** Whose schema `tasker` is: on one of tasker-core's nothing is added to it. */
  readonly taskerSchema: "ours" | "tasker-core";
  /** Where `pgmq` comes from: the extension, or plain tables and functions. */
  readonly queues: "extension" | "plain";
  /** Names of files that the database has as they are here. */
  readonly applied: readonly string[];
  /** Files that `migrate` would apply, in this order. */
  readonly pending: readonly string[];
}

const OLDEST_SERVER = 15;
/** The advisory lock that migrating hosts wait for each other on; any number that nobody else takes. */
const MIGRATION_LOCK = 7_305_808_868_902;

/**
 * Compares the database with the migrations of this host; changes nothing.
 *
 * @throws TSK_DATABASE_TOO_OLD, TSK_DATABASE_SCHEMA_NEWER, TSK_DATABASE_MIGRATION_CHANGED, TSK_DATABASE_MIGRATIONS_MISSING.
 */
export async function migrationStatus(client: ClientBase): Promise<MigrationStatus> {
  const files = await migrationFiles();
  const surroundings = await survey(client);
  const ledger = await readLedger(client);
  refuseNewer(files, ledger);
  refuseChanged(files, ledger);
  const wanted = files.filter((file) => isWanted(file.group, surroundings));
  const [applied, pending] = partition(wanted, (file) => ledger.get(file.name) === file.checksum);
  return {
    serverVersion: surroundings.serverVersion,
    taskerSchema: surroundings.foreignTasker ? "tasker-core" : "ours",
    queues: surroundings.pgmqExtension ? "extension" : "plain",
    applied: applied.map(({ name }) => name),
    pending: pending.map(({ name }) => name),
  };
}

/**
 * Brings the database up to date in one transaction; a second host waits for the first and then finds nothing to do.
 * Returns the names of the files that were applied; `onFile` is called before each.
 *
 * @throws TSK_DATABASE_TOO_OLD, TSK_DATABASE_SCHEMA_NEWER, TSK_DATABASE_MIGRATION_CHANGED, TSK_DATABASE_MIGRATIONS_MISSING,
 * TSK_DATABASE_MIGRATION_FAILED: then nothing has changed.
 */
export async function migrate(
  client: ClientBase,
  onFile: (name: string) => void = () => {},
): Promise<readonly string[]> {
  if ((await migrationStatus(client)).pending.length === 0) return [];
  await client.query("begin");
  try {
    // Bodies of SQL functions may name functions of files that come later.
    await client.query("set local statement_timeout = 0; set local check_function_bodies = off");
    await client.query("select pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    const applied = await applyPending(client, onFile);
    await client.query("commit");
    return applied;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function applyPending(client: ClientBase, onFile: (name: string) => void): Promise<readonly string[]> {
  await client.query(await ledgerText());
  // Read again under the lock: another host may have been faster.
  const { pending, queues } = await migrationStatus(client);
  if (queues === "extension") await client.query("create extension if not exists pgmq");
  const waiting = new Set(pending);
  for (const file of (await migrationFiles()).filter(({ name }) => waiting.has(name))) {
    onFile(file.name);
    await applyFile(client, file);
    await client.query(
      `insert into tasker_host.migrations (name, checksum) values ($1, $2)
       on conflict (name) do update set checksum = excluded.checksum, applied_at = clock_timestamp()`,
      [file.name, file.checksum],
    );
  }
  return pending;
}

async function applyFile(client: ClientBase, file: MigrationFile): Promise<void> {
  try {
    if (file.kind === "function") await applyFunction(client, file);
    else await client.query(file.text);
  } catch (error) {
    throw new TaskerError("TSK_DATABASE_MIGRATION_FAILED", {
      attempted: `Cannot apply migration "${file.name}"`,
      found: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}

/** `create or replace` where that is enough; a function whose parameters or columns changed is dropped first. */
async function applyFunction(client: ClientBase, file: MigrationFile): Promise<void> {
  const [schema = "", name = ""] = file.name
    .replace(/^functions\//, "")
    .replace(/\.sql$/, "")
    .split("/");
  await client.query("savepoint before_function");
  const replaced = await client.query(file.text).then(
    () => true,
    (error: unknown) => {
      if (error instanceof pg.DatabaseError && error.code === CANNOT_REPLACE) return false;
      throw error;
    },
  );
  if (replaced && (await overloads(client, schema, name)).length === 1) return;
  await client.query("rollback to savepoint before_function");
  for (const signature of await overloads(client, schema, name)) await client.query(`drop function ${signature}`);
  await client.query(file.text);
}

/** SQLSTATE of `create or replace function` with other columns or parameter names. */
const CANNOT_REPLACE = "42P13";

async function overloads(client: ClientBase, schema: string, name: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ readonly signature: string }>(
    `select p.oid::regprocedure::text as signature from pg_proc p
      where p.pronamespace = to_regnamespace($1) and p.proname = $2`,
    [schema, name],
  );
  return rows.map(({ signature }) => signature);
}

interface Surroundings {
  readonly serverVersion: string;
  /** Schema `tasker` is there, and not by our migrations. */
  readonly foreignTasker: boolean;
  /** The extension is installed or can be. */
  readonly pgmqExtension: boolean;
  /** Tables of `pgmq` are there, and not by our migrations. */
  readonly foreignPgmq: boolean;
}

async function survey(client: ClientBase): Promise<Surroundings> {
  const { rows } = await client.query<{
    readonly version: string;
    readonly major: number;
    readonly tasker: boolean;
    readonly pgmq: boolean;
    readonly extension: boolean;
  }>(`
    select current_setting('server_version') as version,
           current_setting('server_version_num')::int / 10000 as major,
           to_regclass('tasker.tasks') is not null as tasker,
           to_regclass('pgmq.meta') is not null as pgmq,
           exists (select from pg_available_extensions where name = 'pgmq') as extension`);
  const [found] = rows;
  if (found === undefined || found.major < OLDEST_SERVER) {
    throw new TaskerError("TSK_DATABASE_TOO_OLD", {
      attempted: "Cannot use the database",
      found: `Postgres ${found?.version ?? "of unknown version"}`,
      accepted: `Postgres ${OLDEST_SERVER} or newer`,
    });
  }
  const ledger = await readLedger(client);
  const ours = (group: string): boolean => [...ledger.keys()].some((name) => name.startsWith(`${group}/`));
  return {
    serverVersion: found.version,
    foreignTasker: found.tasker && !ours("tasker"),
    pgmqExtension: found.extension && !ours("pgmq"),
    foreignPgmq: found.pgmq && !ours("pgmq"),
  };
}

function isWanted(group: MigrationGroup, surroundings: Surroundings): boolean {
  switch (group) {
    case "pgmq":
      return !surroundings.pgmqExtension && !surroundings.foreignPgmq;
    case "tasker":
    case "functions/tasker":
      return !surroundings.foreignTasker;
    case "tasker_host":
    case "functions/tasker_host":
      return true;
    default:
      return group satisfies never;
  }
}

/** Checksums by name; empty where the database has no ledger. */
async function readLedger(client: ClientBase): Promise<ReadonlyMap<string, string>> {
  const { rows: found } = await client.query<{ readonly there: boolean }>(
    "select to_regclass('tasker_host.migrations') is not null as there",
  );
  if (found[0]?.there !== true) return new Map();
  const { rows } = await client.query<{ readonly name: string; readonly checksum: string }>(
    "select name, checksum from tasker_host.migrations",
  );
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

function refuseNewer(files: readonly MigrationFile[], ledger: ReadonlyMap<string, string>): void {
  const known = new Set(files.map(({ name }) => name));
  const unknown = [...ledger.keys()].filter((name) => !known.has(name)).sort();
  if (unknown.length === 0) return;
  throw new TaskerError("TSK_DATABASE_SCHEMA_NEWER", {
    attempted: "Cannot use the database",
    found: `migrations that this host does not know: ${unknown.map((name) => `"${name}"`).join(", ")}`,
    accepted: "a database migrated by this or an older version of the host",
    details: { unknown },
  });
}

function refuseChanged(files: readonly MigrationFile[], ledger: ReadonlyMap<string, string>): void {
  const changed = files
    .filter(({ name, kind, checksum }) => kind === "numbered" && (ledger.get(name) ?? checksum) !== checksum)
    .map(({ name }) => name);
  if (changed.length === 0) return;
  throw new TaskerError("TSK_DATABASE_MIGRATION_CHANGED", {
    attempted: "Cannot use the database",
    found: `migrations that were applied with another text: ${changed.map((name) => `"${name}"`).join(", ")}`,
    accepted: "numbered migrations as they are in this version of the host",
    details: { changed },
  });
}

function partition<T>(values: readonly T[], test: (value: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [values.filter(test), values.filter((value) => !test(value))];
}
