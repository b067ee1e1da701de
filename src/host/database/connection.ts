import pg, { type PoolClient, type QueryResultRow } from "pg";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { databaseError } from "./database-error.ts";

/** Where a Postgres is: a URL, or the parts of one (a directory as `host` is a unix socket). */
export type DatabaseAddress =
  | { readonly url: string }
  | { readonly host: string; readonly port: number; readonly user: string; readonly database: string };

export interface DatabaseOptions {
  readonly address: DatabaseAddress;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called before each statement is sent, with its name: one call, one round trip. */
  readonly onRoundTrip?: (name: string) => void;
}

/** How many connections there are, and how many callers wait for one. */
export interface PoolUse {
  readonly size: number;
  readonly idle: number;
  readonly waiting: number;
}

const JSON_OID = 114;
const JSONB_OID = 3802;
const INT8_OID = 20;

/** JSON stays text, so that nothing is re-encoded; bigints are numbers where a number holds them exactly. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    if (oid === JSON_OID || oid === JSONB_OID) return (text: string) => text;
    if (oid === INT8_OID) return parseInt8;
    return pg.types.getTypeParser(oid, format);
  },
} as pg.CustomTypesConfig; // pg's type spells out one overload a format; the function serves both.

/** How often `listen` tries to reconnect, in milliseconds; the last one repeats. */
const RECONNECT_WAITS_MS = [50, 250, 1_000, 2_000];

/**
 * Postgres as the host uses it: a small pool of sessions that are all set up alike, named statements, JSON as text.
 * A session that breaks leaves the pool, and the next statement opens another: callers see one failed statement.
 */
export class Database implements AsyncDisposable {
  readonly #options: DatabaseOptions;
  readonly #pool: pg.Pool;
  readonly #stopped = new AbortController();
  readonly #listeners: Promise<void>[] = [];

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#pool = new pg.Pool({
      ...this.#clientConfig(),
      max: options.maxConnections,
      idleTimeoutMillis: 30_000,
    });
    // A session that breaks while idle: pg has removed it from the pool already.
    this.#pool.on("error", (error) => options.logger.debug({ err: error }, "idle database session broke"));
  }

  get use(): PoolUse {
    return { size: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  /**
   * One statement, one round trip. `name` prepares it once a session.
   * @throws TSK_DATABASE_UNREACHABLE where there is no session to be had or it broke; pg's error for what Postgres refuses.
   */
  async query<Row>(name: string, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    this.#options.onRoundTrip?.(name);
    try {
      const result = await this.#pool.query<QueryResultRow>({ name, text, values: [...values] });
      return result.rows as Row[]; // The statement's author says what its rows are; tests run every statement.
    } catch (error) {
      throw databaseError(error, `Cannot run "${name}"`);
    }
  }

  /** Runs `body` on one session of its own, outside the pool's named statements: migrations. */
  async session<T>(body: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw databaseError(error, "Cannot open a database session");
    });
    let failed = true;
    try {
      const result = await body(client);
      failed = false;
      return result;
    } finally {
      client.release(failed);
    }
  }

  /**
   * Calls `onNotification` for every NOTIFY on the channel until the database is closed, over a session of its own that
   * reconnects by itself. `onConnect` follows each (re)connection: whatever came in between was missed.
   */
  listen(channel: string, onNotification: () => void, onConnect: () => void): void {
    this.#listeners.push(this.#listen(channel, onNotification, onConnect));
  }

  async close(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    await Promise.all([this.#pool.end(), ...this.#listeners]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(channel: string, onNotification: () => void, onConnect: () => void): Promise<void> {
    const { clock, logger } = this.#options;
    for (let failures = 0; !this.#stopped.signal.aborted; failures += 1) {
      try {
        await this.#listenOnce(channel, onNotification, () => {
          failures = 0;
          onConnect();
        });
      } catch (error) {
        logger.debug({ err: error, channel }, "listener session broke");
      }
      const waitMs = RECONNECT_WAITS_MS[Math.min(failures, RECONNECT_WAITS_MS.length - 1)] ?? 1_000;
      await clock.wait(waitMs, this.#stopped.signal);
    }
  }

  /** One listening session, until it breaks or the database is closed. */
  async #listenOnce(channel: string, onNotification: () => void, onConnect: () => void): Promise<void> {
    const client = new pg.Client(this.#clientConfig());
    const ended = Promise.withResolvers<void>();
    client.on("error", (error) => ended.reject(error));
    client.on("end", () => ended.resolve());
    client.on("notification", onNotification);
    const stop = (): void => void client.end().catch(() => ended.resolve());
    this.#stopped.signal.addEventListener("abort", stop, { once: true });
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      onConnect();
      if (this.#stopped.signal.aborted) stop();
      await ended.promise;
    } finally {
      this.#stopped.signal.removeEventListener("abort", stop);
      await client.end().catch(() => undefined);
    }
  }

  #clientConfig(): pg.ClientConfig {
    const { address, connectTimeoutMs, statementTimeoutMs, idleInTransactionTimeoutMs } = this.#options;
    return {
      ...("url" in address ? { connectionString: address.url } : address),
      application_name: "tasker-host",
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
      keepAlive: true,
      // Tasker's functions use unqualified names, and its timestamps have no zone.
      options: "-c search_path=tasker,public -c TimeZone=UTC",
      types,
    };
  }
}

function parseInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
