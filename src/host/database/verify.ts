import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { TaskerError } from "../../core/errors/index.ts";
import { queryWithin } from "./query-within.ts";

/** One statement of `migrations/verify.sql`: it returns the rows that break what its name says. */
export interface Invariant {
  readonly name: string;
  /** A sentence. */
  readonly meaning: string;
  /** Holds on a system at rest only. */
  readonly drained: boolean;
  readonly sql: string;
}

/** What breaks an invariant. */
export interface Breach {
  readonly invariant: string;
  /** Uuid of a task or step; null for a message that names none. */
  readonly subject: string | null;
  readonly found: string;
}

export interface VerifyOptions {
  /** The system is at rest: checks what holds only then. Default: false. */
  readonly drained?: boolean;
  /** Nobody else writes: grants nothing a minute to settle. Default: as `drained`. */
  readonly settled?: boolean;
  /** How long hosts may take to see to what waits for them. Default: five minutes. */
  readonly patienceMs?: number;
  /** Looks at tasks and steps from this uuid (of version 7) on. Default: all. */
  readonly from?: string;
  /** Longest time for one invariant. Default: 60,000. */
  readonly timeoutMs?: number;
}

export interface Verification {
  /** Names of the invariants that were checked. */
  readonly checked: readonly string[];
  /** At most a hundred an invariant. */
  readonly breaches: readonly Breach[];
}

const FILE = join(import.meta.dirname, "../../../migrations/verify.sql");
const HEADER = /^-- invariant: (drained: )?([a-z_]+)\n-- (.+)\n/gm;
const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * Checks what must hold in the database whatever happened to its hosts, which may go on working meanwhile: each invariant is
 * one statement in a transaction of its own, so that no snapshot and no lock outlives it.
 */
export async function verify(client: ClientBase, options: VerifyOptions = {}): Promise<Verification> {
  const invariants = (await readInvariants()).filter(({ drained }) => options.drained === true || !drained);
  const breaches: Breach[] = [];
  for (const { name, sql } of invariants) {
    const rows = await runReadOnly(client, sql, options);
    breaches.push(...rows.map(({ subject, found }) => ({ invariant: name, subject, found })));
  }
  return { checked: invariants.map(({ name }) => name), breaches };
}

type Row = Omit<Breach, "invariant">;

async function runReadOnly(client: ClientBase, sql: string, options: VerifyOptions): Promise<readonly Row[]> {
  const { drained = false, settled = drained, patienceMs, from = "", timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  await client.query("begin isolation level read committed read only");
  try {
    await client.query(
      `select set_config('tasker_host.verify_from', $1, true), set_config('tasker_host.verify_settle', $2, true),
              set_config('tasker_host.verify_patience', $3, true), set_config('statement_timeout', $4, true)`,
      [from, settled ? "0" : "", patienceMs === undefined ? "" : `${patienceMs} ms`, String(timeoutMs)],
    );
    const rows = await queryWithin<Row>(client, sql, { timeoutMs });
    await client.query("commit");
    return rows;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

/** The invariants, in the order of the file. @throws TSK_DATABASE_MIGRATIONS_MISSING */
export async function readInvariants(): Promise<readonly Invariant[]> {
  const text = await readFile(FILE, "utf8").catch((cause: unknown) => {
    throw new TaskerError("TSK_DATABASE_MIGRATIONS_MISSING", {
      attempted: `Cannot read the invariants in "${FILE}"`,
      found: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  });
  const headers = [...text.matchAll(HEADER)];
  return headers.map((header, index) => ({
    name: header[2] ?? "",
    meaning: header[3] ?? "",
    drained: header[1] !== undefined,
    sql: text.slice(header.index + header[0].length, headers[index + 1]?.index).trim(),
  }));
}
