import type { Command } from "commander";
import { createLogger } from "../../core/logger.ts";
import { openDatabase } from "../bootstrap/open-database.ts";
import { migrate, migrationStatus } from "../database/migrate.ts";
import type { CliContext } from "./cli-context.ts";
import { ProgressLine } from "./progress-line.ts";

interface MigrateOptions {
  readonly dryRun?: true;
  readonly json?: true;
}

/** `tasker-host migrate`: brings the database to this version's schema, or shows what that would do. */
export function addMigrateCommand(program: Command, context: CliContext): void {
  program
    .command("migrate")
    .description("apply the migrations that the database does not have yet")
    .option("--dry-run", "show them and change nothing")
    .option("--json", "print JSON")
    .action((options: MigrateOptions) => runMigrate(options, context));
}

async function runMigrate(options: MigrateOptions, context: CliContext): Promise<void> {
  const { config } = context.loadConfig();
  const { clock, stdout, stderr } = context;
  const progress = new ProgressLine(stderr);
  await using opened = await openDatabase({
    config: config.database,
    clock,
    logger: createLogger({ level: config.logging.level }),
    onProgress: (message) => progress.show(message),
  }).finally(() => progress.clear());
  const status = await opened.database.session(async (client) => {
    const found = await migrationStatus(client);
    if (!options.dryRun) await migrate(client);
    return found;
  });
  if (options.json) {
    stdout.write(`${JSON.stringify({ dry_run: options.dryRun === true, ...status })}\n`);
    return;
  }
  stdout.write(`${opened.description}, Postgres ${status.serverVersion}\n`);
  const verb = options.dryRun ? "would apply" : "applied";
  for (const name of status.pending) stdout.write(`  ${verb}  ${name}\n`);
  if (status.pending.length === 0) stdout.write("  up to date\n");
}
