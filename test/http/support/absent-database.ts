import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { Database } from "../../../src/host/database/connection.ts";

/** A database that is away: nothing listens on port 1, and what listens on another is no Postgres. */
export function absentDatabase(port: number = 1): Database {
  return new Database({
    address: { url: `postgres://somebody:secret-password@127.0.0.1:${port}/absent` },
    maxConnections: 2,
    connectTimeoutMs: 500,
    statementTimeoutMs: 2_000,
    idleInTransactionTimeoutMs: 2_000,
    clock: systemClock,
    logger: silentLogger,
  });
}
