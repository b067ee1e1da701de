import type { ClientBase } from "pg";
import { TaskerError } from "../../core/errors/index.ts";
import { migrationStatus } from "../database/migrate.ts";

/** For commands that need this version's functions and must not migrate a database by the way. @throws TSK_DATABASE_NOT_MIGRATED */
export async function refuseUnmigrated(client: ClientBase): Promise<void> {
  const { pending } = await migrationStatus(client);
  if (pending.length === 0) return;
  throw new TaskerError("TSK_DATABASE_NOT_MIGRATED", {
    attempted: "Cannot look into the database",
    found: `${pending.length} migrations are missing, the first is "${pending[0]}"`,
    accepted: "a database that `tasker-host migrate` of this version has brought up to date",
    details: { pending },
  });
}
