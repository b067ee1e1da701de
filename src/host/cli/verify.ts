import type { Command } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import { uuidv7 } from "../../core/ids.ts";
import { createLogger } from "../../core/logger.ts";
import { openDatabase } from "../bootstrap/open-database.ts";
import { type Verification, verify } from "../database/verify.ts";
import type { CliContext } from "./cli-context.ts";
import { parseAge, parseSeconds } from "./age.ts";
import { ProgressLine } from "./progress-line.ts";
import { refuseUnmigrated } from "./refuse-unmigrated.ts";

interface VerifyCommandOptions {
  readonly drained?: true;
  readonly since?: number;
  readonly timeout: number;
  readonly json?: true;
}

const DEFAULT_TIMEOUT_SECONDS = 60;

/** `tasker-host verify`: checks what must hold in the database; reads only, while hosts work. */
export function addVerifyCommand(program: Command, context: CliContext): void {
  program
    .command("verify")
    .description("check what must hold in the database, whatever happened to its hosts (reads only)")
    .option("--drained", "the system is at rest: also check that nothing is left over")
    .option("--since <age>", "look at tasks of this age and younger only, for example 24h or 7d", parseAge)
    .option("--timeout <seconds>", "longest time for one check", parseSeconds, DEFAULT_TIMEOUT_SECONDS)
    .option("--json", "print JSON")
    .action((options: VerifyCommandOptions) => runVerify(options, context));
}

async function runVerify(options: VerifyCommandOptions, context: CliContext): Promise<void> {
  const { config } = context.loadConfig();
  const { clock, stdout, stderr } = context;
  const progress = new ProgressLine(stderr);
  await using opened = await openDatabase({
    config: config.database,
    clock,
    logger: createLogger({ level: config.logging.level }),
    besideHost: true,
    onProgress: (message) => progress.show(message),
  }).finally(() => progress.clear());
  const result = await opened.database.session(async (client) => {
    await refuseUnmigrated(client);
    return verify(client, {
      drained: options.drained === true,
      timeoutMs: options.timeout * 1_000,
      ...(options.since === undefined ? {} : { from: firstUuidAt(clock.now() - options.since) }),
    });
  });
  if (options.json) stdout.write(`${JSON.stringify(result)}\n`);
  else print(result, context);
  if (result.breaches.length > 0) throw broken(result);
}

function print({ checked, breaches }: Verification, { stdout }: CliContext): void {
  for (const name of checked) {
    const rows = breaches.filter(({ invariant }) => invariant === name);
    stdout.write(`  ${rows.length === 0 ? "holds " : "BROKEN"}  ${name}\n`);
    for (const { subject, found } of rows) stdout.write(`            ${subject ?? "-"}  ${found}\n`);
  }
}

function broken({ breaches }: Verification): TaskerError {
  const names = [...new Set(breaches.map(({ invariant }) => invariant))];
  return new TaskerError("TSK_DATABASE_INVARIANT_BROKEN", {
    attempted: "The database is not as hosts leave it",
    found: `${breaches.length} rows that break ${names.map((name) => `"${name}"`).join(", ")}`,
    accepted: "no row of `migrations/verify.sql`",
    details: { breaches },
  });
}

/** The smallest uuid of version 7 of a time. */
function firstUuidAt(atMs: number): string {
  return `${uuidv7(Math.max(0, atMs)).slice(0, 14)}7000-8000-000000000000`;
}
