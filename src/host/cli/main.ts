import { Command, CommanderError } from "commander";
import { systemClock } from "../../core/clock.ts";
import { TaskerError } from "../../core/errors/index.ts";
import { HOST_VERSION } from "../bootstrap/start-host.ts";
import { loadConfig } from "../config/load-config.ts";
import { addAuditCommand } from "./audit.ts";
import { addBuildCommand } from "./build.ts";
import type { CliContext } from "./cli-context.ts";
import { addConfigCommand } from "./config.ts";
import { addDevCommand } from "./dev.ts";
import { addDoctorCommand } from "./doctor.ts";
import { EXIT_CODES, exitCodeOf } from "./exit-codes.ts";
import { errorJson, formatError } from "./format.ts";
import { addGrantsCommand } from "./grants.ts";
import { addHandlersCommand } from "./handlers.ts";
import { addMigrateCommand } from "./migrate.ts";
import { addNewCommand } from "./new.ts";
import { addPruneCommand } from "./prune.ts";
import { addRunCommand } from "./run.ts";
import { addSubmitCommand } from "./submit.ts";
import { addTaskCommand } from "./task-show.ts";
import { addTestCommand } from "./test.ts";
import { addTokenCommand } from "./token.ts";
import { addUploadCommand } from "./upload.ts";
import { addVerifyCommand } from "./verify.ts";

/** The command line's own context: this process. The first signal interrupts, the second ends at once. */
export function processContext(): CliContext {
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) process.exit(EXIT_CODES.interrupted);
    interrupted.abort();
  };
  // Whoever reads our output may stop before we do: `… --follow | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT_CODES.done);
    throw error;
  });
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    interrupted: interrupted.signal,
    loadConfig: (flags = []) => loadConfig({ env: process.env, flags }),
    setExitCode: (code) => {
      process.exitCode = code;
    },
  };
}

/** All commands. */
export function createProgram(context: CliContext): Command {
  const program = new Command("tasker-host")
    .description("Runs Tasker workflow steps as sandboxed WebAssembly components")
    .version(HOST_VERSION)
    // Said by `reportFailure`, with a code and as JSON where that is asked for.
    .configureOutput({ outputError: () => undefined })
    // `submit --version` is the template's.
    .enablePositionalOptions()
    .exitOverride();
  addRunCommand(program, context);
  addNewCommand(program, context);
  addBuildCommand(program, context);
  addTestCommand(program, context);
  addDevCommand(program, context);
  addSubmitCommand(program, context);
  addTaskCommand(program, context);
  addUploadCommand(program, context);
  addHandlersCommand(program, context);
  addGrantsCommand(program, context);
  addAuditCommand(program, context);
  addTokenCommand(program, context);
  addMigrateCommand(program, context);
  addVerifyCommand(program, context);
  addPruneCommand(program, context);
  addConfigCommand(program, context);
  addDoctorCommand(program, context);
  return program;
}

async function main(): Promise<void> {
  const context = processContext();
  try {
    await createProgram(context).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) reportUsage(error, context);
    else reportFailure(error, context);
  }
}

/** Commander has printed what was asked for (help, version), or help where no command was named; errors it only throws. */
function reportUsage(error: CommanderError, context: CliContext): void {
  if (error.exitCode === 0) context.setExitCode(EXIT_CODES.done);
  else if (error.code === "commander.help") context.setExitCode(EXIT_CODES.usage);
  else {
    const found = error.message.replace(/^error: /, "").replaceAll("\n", " ");
    reportFailure(
      new TaskerError("TSK_COMMAND_LINE_INVALID", { attempted: "Cannot read the command line", found }),
      context,
    );
  }
}

/** Prints why a command failed, to standard error, and sets the exit code by whose fault it was. */
export function reportFailure(error: unknown, context: CliContext): void {
  const json = process.argv.includes("--json");
  context.stderr.write(`${json ? errorJson(error) : formatError(error)}\n`);
  context.setExitCode(exitCodeOf(error));
}

if (import.meta.main) await main();
