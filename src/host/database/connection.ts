import pg, { type PoolClient, type QueryResultRow } from "pg";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { databaseError, isConflict, isRefusedStatement } from "./database-error.ts";

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

/**
 * JSON stays text, so that nothing is re-encoded; bigints are numbers where a number holds them exactly; timestamps without
 * zone stay text, because pg would read them in the machine's own zone.
 */
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.JSON, (text: string) => text);
types.setTypeParser(pg.types.builtins.JSONB, (text: string) => text);
types.setTypeParser(pg.types.builtins.TIMESTAMP, (text: string) => text);
types.setTypeParser(pg.types.builtins.INT8, parseInt8);

/**
 * Settings of every session. Tasker's functions use unqualified names, and its timestamps have no zone; our functions need
 * a snapshot a statement. Whatever the server, the database or the role have as default must not change that.
 */
const SESSION_OPTIONS = [
  "-c search_path=tasker,public",
  "-c TimeZone=UTC",
  "-c default_transaction_isolation=read\\ committed",
  "-c jit=off",
].join(" ");

/** Tries of a statement that Postgres gave up for another's sake. */
const CONFLICT_ATTEMPTS = 5;
/** Longest wait before the first repetition, in milliseconds; doubled each time, with full jitter. */
const CONFLICT_WAIT_MS = 10;

/** What the client waits for an answer beyond the server's own limit: an answer that is later comes from no living server. */
const ANSWER_SLACK_MS = 5_000;

/** How often a quiet listener asks whether anybody is there. */
const LISTENER_PING_MS = 15_000;

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
    // pg has removed it from the pool already; for one in use the statement says it, too.
    const broke = (error: Error): void => options.logger.debug({ err: error }, "database session broke");
    this.#pool.on("error", broke);
    // A session that breaks between two events of its statement tells nobody else, and without a listener the process ends.
    this.#pool.on("connect", (client) => client.on("error", broke));
  }

  get use(): PoolUse {
    return { size: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  /**
   * One statement, one round trip, one transaction. `name` prepares it once a session. A statement that lost a deadlock or
   * a serialization conflict is repeated: it has changed nothing.
   * @throws TSK_DATABASE_UNREACHABLE where there is no session to be had or it broke: then nobody knows whether it was carried
   * out. pg's error for what Postgres refuses.
   */
  async query<Row>(name: string, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send<Row>(name, text, values);
      } catch (error) {
        if (attempt === CONFLICT_ATTEMPTS || !isConflict(error)) throw databaseError(error, `Cannot run "${name}"`);
        this.#options.logger.debug({ err: error, statement: name, attempt }, "statement lost a conflict, repeating it");
        await this.#options.clock.wait(Math.random() * CONFLICT_WAIT_MS * 2 ** attempt);
      }
    }
  }

  async #send<Row>(name: string, text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const client = await this.#pool.connect();
    // A refused statement leaves its session whole; after anything else the session is not to be trusted.
    let broken = true;
    try {
      this.#options.onRoundTrip?.(name);
      const result = await client.query<QueryResultRow>({ name, text, values: [...values] });
      broken = false;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statement's author says what its rows are; tests run every one
      return result.rows as Row[];
    } catch (error) {
      broken = !isRefusedStatement(error);
      throw error;
    } finally {
      client.release(broken);
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
  listen(channel: string, onNotification: (payload: string) => void, onConnect: () => void): void {
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

  async #listen(channel: string, onNotification: (payload: string) => void, onConnect: () => void): Promise<void> {
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
  async #listenOnce(channel: string, onNotification: (payload: string) => void, onConnect: () => void): Promise<void> {
    const client = new pg.Client(this.#clientConfig());
    const ended = Promise.withResolvers<void>();
    ended.promise.catch(() => undefined); // It may break before anybody waits for it.
    client.on("error", (error) => ended.reject(error));
    client.on("end", () => ended.resolve());
    client.on("notification", ({ payload = "" }) => onNotification(payload));
    const over = new AbortController();
    const stop = (): void => ended.resolve();
    this.#stopped.signal.addEventListener("abort", stop, { once: true });
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      onConnect();
      if (this.#stopped.signal.aborted) stop();
      void this.#keepAsking(client, over.signal).catch((error: unknown) => ended.reject(error));
      await ended.promise;
    } finally {
      over.abort();
      this.#stopped.signal.removeEventListener("abort", stop);
      await client.end().catch(() => undefined);
    }
  }

  /** A listener sends nothing: without this it would wait for ever on a connection whose other end is gone without a word. */
  async #keepAsking(client: pg.Client, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.wait(LISTENER_PING_MS, signal);
      if (signal.aborted) return;
      await client.query("select 1");
    }
  }

  #clientConfig(): pg.ClientConfig {
    const { address, connectTimeoutMs, statementTimeoutMs, idleInTransactionTimeoutMs } = this.#options;
    const { options, ...place } = placeOf(address);
    return {
      ...place,
      application_name: "tasker-host",
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + ANSWER_SLACK_MS,
      idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
      keepAlive: true,
      options: `${options} ${SESSION_OPTIONS}`.trim(),
      types,
    };
  }
}

/** The address for pg, and the session options that its URL brings: pg would let them replace ours. */
function placeOf(address: DatabaseAddress): pg.ClientConfig & { readonly options: string } {
  if (!("url" in address)) return { ...address, options: "" };
  const url = new URL(address.url);
  const options = url.searchParams.get("options") ?? "";
  url.searchParams.delete("options");
  return { connectionString: url.href, options };
}

function parseInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}
