import { Socket } from "node:net";
import pg, { type PoolClient, type QueryResultRow } from "pg";
import type { Clock } from "../../core/clock.ts";
import { TaskerError } from "../../core/errors/index.ts";
import type { Logger } from "../../core/logger.ts";
import { awakeTimer } from "./awake-timer.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { databaseError, isConflict, isRefusedStatement, isTrouble } from "./database-error.ts";
import { Lanes, type PoolUse } from "./lanes.ts";
import { listenUntilStopped } from "./listener.ts";
import { backendOf, bytesReadOf, isStill, type PendingStatement } from "./pending-statement.ts";
import { type DatabaseAddress, sessionConfig, type SessionLimits } from "./session-config.ts";

/** When the host takes a server that says nothing for one that is away. */
export interface DatabasePatience {
  /**
   * A statement without an answer for this long makes the host ask, on another connection, whether anybody is there.
   * @default 2000
   */
  readonly silenceMs?: number;
  /**
   * How long one who is asked has, for the connection and once more for the answer.
   * @default 2000
   */
  readonly probeMs?: number;
}

export interface DatabaseOptions extends SessionLimits, DatabasePatience {
  readonly address: DatabaseAddress;
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called before each statement is sent, with its name: one call, one round trip. */
  readonly onRoundTrip?: (name: string) => void;
}

/** A backend at work looks whether its client is still there; not every platform has that, and those refuse the setting. */
const LOOK_FOR_CLIENT = `
  do $$ begin
    perform set_config('client_connection_check_interval', '5s', false);
  exception when others then null;
  end $$`;

/** Tries of a statement that Postgres gave up for another's sake. */
const CONFLICT_ATTEMPTS = 5;
/** Longest wait before the first repetition, in milliseconds; doubled each time, with full jitter. */
const CONFLICT_WAIT_MS = 10;

/** How often it looks for statements without an answer. */
const LOOK_MS = 500;
const SILENCE_MS = 2_000;
const PROBE_MS = 2_000;
/** After an answer a slow statement is just slow: it is left alone for this long. */
const TRUST_MS = 5_000;

/** Sessions of ours that the server has nothing to do for; a second covers answers on their way. */
const IDLE_BACKENDS = `
  select pid from pg_stat_activity
  where pid = any ($1) and usename = current_user and application_name = 'tasker-host' and state = 'idle'
    and state_change < clock_timestamp() - interval '1 second'`;

/** How long `close` lets sessions say goodbye; one whose other end is gone would do so for ever. */
const GOODBYE_MS = 1_000;

/**
 * Postgres as the host uses it: a few sessions that are all set up alike, in two lanes, named statements, JSON as text.
 * A session that breaks leaves the pool, and the next statement opens another: callers see one failed statement.
 *
 * Before it stands a circuit breaker. It opens when statements fail one after the other, and when one has no answer and
 * nobody answers on a new connection either: a network that swallows packets breaks nothing by itself. Then every connection
 * is given up, so that what waits on them fails now rather than after its time limit.
 */
export class Database implements AsyncDisposable {
  readonly #options: DatabaseOptions;
  readonly #silenceMs: number;
  readonly #probeMs: number;
  readonly #lanes: Lanes;
  readonly #stopped = new AbortController();
  readonly #listeners: Promise<void>[] = [];
  readonly #sockets = new Set<Socket>();
  /** Statements without an answer yet, in the order of their start. */
  readonly #underWay = new Set<PendingStatement>();
  readonly #watching: Promise<void>;
  /** Ends the waits between two tries of a listener. */
  #answersAgain = new AbortController();
  readonly circuit: CircuitBreaker;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    const { clock, logger, silenceMs = SILENCE_MS, probeMs = PROBE_MS } = options;
    this.#silenceMs = silenceMs;
    this.#probeMs = probeMs;
    this.circuit = new CircuitBreaker({ probe: async () => void (await this.#probe()), clock, logger });
    this.circuit.onChange((state) => {
      if (state !== "closed") return;
      this.#answersAgain.abort();
      this.#answersAgain = new AbortController();
    });
    this.#lanes = new Lanes({
      config: {
        ...this.#sessionConfig(),
        idleTimeoutMillis: 30_000,
        onConnect: async (client) => void (await client.query(LOOK_FOR_CLIENT)),
      },
      maxConnections: options.maxConnections,
      onBroken: (error) => logger.debug({ err: error }, "database session broke"),
    });
    this.#watching = this.#watch();
  }

  get use(): PoolUse {
    return this.#lanes.use;
  }

  /**
   * One statement, one round trip, one transaction. `name` prepares it once a session. A statement that lost a deadlock or
   * a serialization conflict is repeated: it has changed nothing.
   * @throws TSK_DATABASE_UNREACHABLE where there is no session to be had or it broke: then nobody knows whether it was carried
   * out. At once while the circuit is open. TSK_DATABASE_BUSY where all sessions are in use. TSK_DATABASE_TIMEOUT, TSK_DATABASE_CONFLICT, TSK_DATABASE_EXHAUSTED where Postgres
   * could not do it now. pg's error for what Postgres refuses.
   */
  async query<Row>(name: string, text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const attempted = `Cannot run "${name}"`;
    if (this.circuit.state !== "closed") {
      const found = `the database is away: ${this.circuit.reason}`;
      throw new TaskerError("TSK_DATABASE_UNREACHABLE", { attempted, found });
    }
    const sinceMs = performance.now();
    const statement: PendingStatement = {
      name,
      text,
      values,
      sinceMs,
      client: undefined,
      sentMs: sinceMs,
      bytesRead: 0,
    };
    this.#underWay.add(statement);
    try {
      const rows = await this.#sendUntilUndisputed<Row>(statement);
      this.circuit.succeeded();
      return rows;
    } catch (error) {
      const known = databaseError(error, attempted);
      // The last statements of a database that is being closed say nothing of the server.
      if (isTrouble(known) && !this.#stopped.signal.aborted) this.circuit.failed(String(messageOf(error)));
      throw known;
    } finally {
      this.#underWay.delete(statement);
    }
  }

  async #sendUntilUndisputed<Row>(statement: PendingStatement): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send<Row>(statement);
      } catch (error) {
        if (attempt === CONFLICT_ATTEMPTS || !isConflict(error)) throw error;
        const { name } = statement;
        this.#options.logger.debug({ err: error, statement: name, attempt }, "statement lost a conflict, repeating it");
        await this.#options.clock.wait(Math.random() * CONFLICT_WAIT_MS * 2 ** attempt);
      }
    }
  }

  async #send<Row>(statement: PendingStatement): Promise<readonly Row[]> {
    const { name, text, values } = statement;
    const client = await this.#lanes.connect(name, `Cannot run "${name}"`);
    statement.client = client;
    statement.sentMs = performance.now();
    statement.bytesRead = bytesReadOf(client);
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
      statement.client = undefined;
      client.release(broken);
    }
  }

  /** Runs `body` on one session of its own, outside the pool's named statements: migrations. */
  async session<T>(body: (client: PoolClient) => Promise<T>): Promise<T> {
    const attempted = "Cannot open a database session";
    const client = await this.#lanes.connect(undefined, attempted).catch((error: unknown) => {
      throw databaseError(error, attempted);
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
   * Calls a channel's function for every NOTIFY on it until the database is closed, all over one session of its own that
   * reconnects by itself. `onConnect` follows each (re)connection: whatever came in between was missed.
   */
  listen(channels: Readonly<Record<string, (payload: string) => void>>, onConnect: () => void): void {
    const { clock, logger } = this.#options;
    this.#listeners.push(
      listenUntilStopped({
        channels,
        onConnect,
        config: this.#sessionConfig(),
        stopped: this.#stopped.signal,
        answersAgain: () => this.#answersAgain.signal,
        clock,
        logger,
      }),
    );
  }

  /** Ends every session, within seconds even where nobody answers any more. Safe twice. */
  async close(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    const ended = new AbortController();
    const ends = Promise.all([this.#lanes.end(), this.circuit.stop(), this.#watching, ...this.#listeners]);
    await Promise.all([ends.finally(() => ended.abort()), this.#endPatience(ended.signal)]);
  }

  async #endPatience(ended: AbortSignal): Promise<void> {
    await this.#options.clock.wait(GOODBYE_MS, ended);
    if (!ended.aborted) this.#giveUpConnections("the database is closed");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Looks for statements without an answer, and asks on another connection whether the server is there. */
  async #watch(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopped;
    for (let trustedUntil = 0; ;) {
      await clock.wait(LOOK_MS, signal);
      if (signal.aborted) return;
      const now = performance.now();
      const silent = [...this.#underWay].filter(({ sinceMs }) => now - sinceMs >= this.#silenceMs);
      if (silent.length === 0 || now < trustedUntil || this.circuit.state !== "closed") continue;
      if (await this.#answers(silent)) trustedUntil = performance.now() + TRUST_MS;
      else if (!signal.aborted) {
        this.circuit.open("no answer");
        this.#giveUpConnections("no answer");
      }
    }
  }

  /**
   * Whether anybody is there; one who has no session left for us is. A session that the server has nothing to do for while
   * its statement waits here has lost one way or the other: it is given up alone.
   */
  async #answers(silent: readonly PendingStatement[]): Promise<boolean> {
    const still = silent.filter((statement) => isStill(statement, this.#silenceMs));
    const suspects = new Map(still.map((statement) => [backendOf(statement.client), statement]));
    try {
      const idle = await this.#probe([...suspects.keys()].filter((pid) => pid !== undefined));
      for (const pid of idle) {
        const { name, client } = suspects.get(pid) ?? {};
        // Answered meanwhile, or sent again on another.
        if (backendOf(client) !== pid) continue;
        this.#options.logger.warn({ statement: name }, "a session lost its way to the server, giving it up");
        if (client instanceof pg.Client) void client.end();
      }
      return true;
    } catch (error) {
      return error instanceof pg.DatabaseError && error.code === "53300";
    }
  }

  /** One question on a connection of its own: which of these backends have been idle for a second. */
  async #probe(backends: readonly number[] = []): Promise<readonly number[]> {
    const socket = this.#socket();
    // Those of pg know nothing of stalls of this process.
    const limits = { connectionTimeoutMillis: 0, query_timeout: 0 };
    const client = new pg.Client({ ...this.#sessionConfig(), ...limits, stream: () => socket });
    client.on("error", () => undefined);
    const end = (): unknown => socket.destroy();
    const limit = (): (() => void) => awakeTimer(this.#probeMs, () => socket.destroy(givenUp("a probe has no answer")));
    let cancel = limit();
    this.#stopped.signal.addEventListener("abort", end, { once: true });
    try {
      await client.connect();
      cancel();
      cancel = limit();
      const { rows } = await client.query<{ pid: number }>(IDLE_BACKENDS, [backends]);
      await Promise.race([client.end(), this.#options.clock.wait(100, this.#stopped.signal)]);
      return rows.map(({ pid }) => pid);
    } finally {
      cancel();
      this.#stopped.signal.removeEventListener("abort", end);
      socket.destroy();
    }
  }

  #socket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  /** For sessions of the pool and the listener: while the circuit is open none comes about, so that nobody waits for one. */
  #socketIfClosed(): Socket {
    const socket = this.#socket();
    // Later: pg has not begun to listen yet.
    if (this.circuit.state !== "closed") setImmediate(() => socket.destroy(givenUp(this.circuit.reason)));
    return socket;
  }

  #giveUpConnections(reason: string): void {
    for (const socket of this.#sockets) socket.destroy(givenUp(reason));
  }

  #sessionConfig(): pg.ClientConfig {
    return { ...sessionConfig(this.#options.address, this.#options), stream: () => this.#socketIfClosed() };
  }
}

function messageOf(error: unknown): unknown {
  return error instanceof Error && error.message !== "" ? error.message : error;
}

/** As the network says it, so that whoever waits takes it for that. */
function givenUp(reason: string): Error {
  return Object.assign(new Error(`The connection was given up: ${reason}`), { code: "ECONNABORTED" });
}
