import type { Command } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import { createLogger } from "../../core/logger.ts";
import { openDatabase } from "../bootstrap/open-database.ts";
import { retentionTimes } from "../bootstrap/retention-times.ts";
import { countPrunable, prune, type PruneBefore, type PrunedRows } from "../database/prune.ts";
import { prunableBefore } from "../orchestration/retention-loop.ts";
import { parseAge, parseSeconds } from "./age.ts";
import type { CliContext } from "./cli-context.ts";
import { localActor } from "./local-actor.ts";
import { ProgressLine } from "./progress-line.ts";
import { refuseUnmigrated } from "./refuse-unmigrated.ts";

interface PruneCommandOptions {
  readonly dryRun?: true;
  readonly olderThan?: number;
  readonly audit?: true;
  readonly timeout: number;
  readonly json?: true;
}

const DEFAULT_TIMEOUT_SECONDS = 600;
/** The database keeps younger entries (`tasker_host.audit_floor`). */
const AUDIT_FLOOR_MS = 86_400_000;

/** `tasker-host prune`: deletes what is over and old enough, or counts it. */
export function addPruneCommand(program: Command, context: CliContext): void {
  program
    .command("prune")
    .description("delete finished tasks, archived messages and old leases, as far as the configuration says")
    .option("--dry-run", "count them and delete nothing")
    .option("--older-than <age>", "instead of what the configuration says, for example 30d", parseAge)
    .option("--audit", "with --older-than of a day or more: also the audit of changes")
    .option("--timeout <seconds>", "longest time for the count of --dry-run", parseSeconds, DEFAULT_TIMEOUT_SECONDS)
    .option("--json", "print JSON")
    .action((options: PruneCommandOptions) => runPrune(options, context));
}

async function runPrune(options: PruneCommandOptions, context: CliContext): Promise<void> {
  const { config } = context.loadConfig();
  const { clock, stdout, stderr } = context;
  const before = beforeOf(options, prunableBefore(retentionTimes(config), clock.now()), clock.now());
  const progress = new ProgressLine(stderr);
  await using opened = await openDatabase({
    config: config.database,
    clock,
    logger: createLogger({ level: config.logging.level }),
    besideHost: true,
    onProgress: (message) => progress.show(message),
  }).finally(() => progress.clear());
  const { database } = opened;
  await database.session(refuseUnmigrated);
  const rows = options.dryRun
    ? await countPrunable(database, before, options.timeout * 1_000)
    : await prune({
        database,
        before,
        actor: localActor(),
        batchSize: config.retention.batchSize,
        pauseMs: config.retention.batchPauseMs,
        clock,
        signal: context.interrupted,
      });
  if (options.json) stdout.write(`${JSON.stringify({ dry_run: options.dryRun === true, ...rowsJson(rows) })}\n`);
  else print(rows, options.dryRun === true, context);
}

function beforeOf(options: PruneCommandOptions, configured: PruneBefore, nowMs: number): PruneBefore {
  if (options.olderThan !== undefined) {
    if (options.audit && options.olderThan < AUDIT_FLOOR_MS) {
      throw new TaskerError("TSK_REQUEST_INVALID", {
        attempted: "Cannot prune the audit",
        found: "an age of less than a day",
        accepted: "`--older-than 1d` or more: entries of the last day are not deleted",
      });
    }
    const atMs = nowMs - options.olderThan;
    return { tasksMs: atMs, archivesMs: atMs, leasesMs: atMs, ...(options.audit ? { auditMs: atMs } : {}) };
  }
  if (Object.values(configured).every((atMs) => atMs === undefined)) {
    throw new TaskerError("TSK_CONFIG_INVALID", {
      attempted: "Cannot prune",
      found: "the configuration keeps everything for ever (all of `retention.*_days` are 0)",
      accepted: "`--older-than 30d`, or days in `retention`",
    });
  }
  return configured;
}

function rowsJson(rows: PrunedRows): Readonly<Record<string, number>> {
  return {
    tasks: rows.tasks,
    steps: rows.steps,
    archived_messages: rows.archivedMessages,
    leases: rows.leases,
    sessions: rows.sessions,
    audit_entries: rows.auditEntries,
  };
}

function print(rows: PrunedRows, dryRun: boolean, { stdout }: CliContext): void {
  stdout.write(dryRun ? "would delete\n" : "deleted\n");
  for (const [name, count] of Object.entries(rowsJson(rows))) {
    stdout.write(`  ${String(count).padStart(10)}  ${name.replace("_", " ")}\n`);
  }
}
