import { TaskerError } from "../../core/errors/index.ts";
import { createLogger } from "../../core/logger.ts";
import { openDatabase } from "../bootstrap/open-database.ts";
import type { Database } from "../database/connection.ts";
import { migrationStatus } from "../database/migrate.ts";
import type { CliContext } from "./cli-context.ts";
import { ProgressLine } from "./progress-line.ts";

/**
 * Runs `body` on the configured database, also where a host has its embedded server running, which `tasker-host migrate` or a host has brought up to date.
 *
 * @throws TSK_DATABASE_NOT_MIGRATED, TSK_DATABASE_UNREACHABLE, TSK_HOST_DATA_DIR_BUSY
 */
export async function withDatabase<T>(context: CliContext, body: (database: Database) => Promise<T>): Promise<T> {
  const { config } = context.loadConfig();
  const progress = new ProgressLine(context.stderr);
  await using opened = await openDatabase({
    config: config.database,
    clock: context.clock,
    besideHost: true,
    logger: createLogger({ level: config.logging.level }),
    onProgress: (message) => progress.show(message),
  }).finally(() => progress.clear());
  const { pending } = await opened.database.session(migrationStatus);
  if (pending.length > 0) {
    throw new TaskerError("TSK_DATABASE_NOT_MIGRATED", {
      attempted: "Cannot use the database",
      found: `${pending.length} migrations are missing, the first is "${pending[0]}"`,
      accepted: "a database that `tasker-host migrate` of this version has brought up to date",
      details: { pending },
    });
  }
  // Awaited here: what is returned as a promise would find the database closed.
  return await body(opened.database);
}
