import pg, { type PoolClient } from "pg";
import { TaskerError } from "../../core/errors/index.ts";

/** Statements that keep what this host holds: later than the lease they come too late, whoever else reads much. */
export const KEEPING_STATEMENTS: ReadonlySet<string> = new Set([
  "open_session",
  "heartbeat",
  "close_session",
  "report_steps_embedded",
  "report_steps_external",
  "take_over_steps",
  "move_leases",
  "release_leases",
  "reconcile_leases",
]);

/** Connections that only those statements use, where there are enough for everybody else. */
const KEPT_FREE = 2;
const ENOUGH_FOR_BOTH = 4;

/** Statements that wait for a connection; more only make all of them wait for longer. */
const MAX_WAITING = 1_000;

/** pg's words for: no connection became free in time. */
const NONE_FREE = "timeout exceeded when trying to connect";

/** How many connections there are in both lanes, and how many callers wait for one. */
export interface PoolUse {
  readonly size: number;
  readonly idle: number;
  readonly waiting: number;
}

export interface LaneOptions {
  readonly config: pg.PoolConfig;
  /** In both lanes together; with a single one there is one lane. */
  readonly maxConnections: number;
  /** A session broke, in use or not. */
  readonly onBroken: (error: Error) => void;
}

/**
 * The host's connections in two lanes. The second is kept free for the statements that keep leases alive, so that slow
 * readers of the API, which may fill the first one and wait in line, cost the host none of its steps.
 */
export class Lanes {
  readonly #all: pg.Pool;
  readonly #kept: pg.Pool | undefined;

  constructor({ config, maxConnections, onBroken }: LaneOptions) {
    const kept = maxConnections >= ENOUGH_FOR_BOTH ? KEPT_FREE : maxConnections >= 2 ? 1 : 0;
    const open = (max: number): pg.Pool => {
      const pool = new pg.Pool({ ...config, max });
      // pg has removed it from the pool already; for one in use the statement says it, too.
      pool.on("error", onBroken);
      // A session that breaks between two events of its statement tells nobody else, and without a listener the process ends.
      pool.on("connect", (client) => client.on("error", onBroken));
      return pool;
    };
    this.#all = open(maxConnections - kept);
    this.#kept = kept === 0 ? undefined : open(kept);
  }

  /**
   * A session for the statement of this name; undefined: for anything else. The caller releases it.
   * @throws TSK_DATABASE_BUSY where all are in use for too long, or too many wait. pg's error where none can be opened.
   */
  async connect(statement: string | undefined, attempted: string): Promise<PoolClient> {
    const pool = this.#poolFor(statement);
    if (pool.waitingCount >= MAX_WAITING) throw busy(attempted, `${pool.waitingCount} statements wait already`);
    try {
      return await pool.connect();
    } catch (error) {
      if (!(error instanceof Error) || error.message !== NONE_FREE) throw error;
      throw busy(attempted, "none became free within `database.connect_timeout_seconds`");
    }
  }

  get use(): PoolUse {
    const pools = this.#kept === undefined ? [this.#all] : [this.#all, this.#kept];
    return {
      size: pools.reduce((sum, { totalCount }) => sum + totalCount, 0),
      idle: pools.reduce((sum, { idleCount }) => sum + idleCount, 0),
      waiting: pools.reduce((sum, { waitingCount }) => sum + waitingCount, 0),
    };
  }

  async end(): Promise<void> {
    await Promise.all([this.#all.end(), this.#kept?.end()]);
  }

  #poolFor(statement: string | undefined): pg.Pool {
    if (this.#kept === undefined || statement === undefined || !KEEPING_STATEMENTS.has(statement)) return this.#all;
    // A long report must not hold up a heartbeat either, where there is room elsewhere.
    return isFull(this.#kept) && !isFull(this.#all) ? this.#all : this.#kept;
  }
}

function isFull(pool: pg.Pool): boolean {
  return pool.idleCount - pool.waitingCount <= 0 && pool.totalCount >= pool.options.max;
}

function busy(attempted: string, found: string): TaskerError {
  return new TaskerError("TSK_DATABASE_BUSY", {
    attempted,
    found: `all connections of this host are in use: ${found}`,
    accepted: "more of `database.max_connections`, or fewer slow requests at once",
  });
}
