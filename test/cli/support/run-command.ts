import { Command } from "commander";
import type { Clock } from "../../../src/core/clock.ts";
import { addAuditCommand } from "../../../src/host/cli/audit.ts";
import type { CliContext, OutputStream } from "../../../src/host/cli/cli-context.ts";
import { type ExitCode, exitCodeOf } from "../../../src/host/cli/exit-codes.ts";
import { formatError } from "../../../src/host/cli/format.ts";
import { addGrantsCommand } from "../../../src/host/cli/grants.ts";
import { addHandlersCommand } from "../../../src/host/cli/handlers.ts";
import { addPruneCommand } from "../../../src/host/cli/prune.ts";
import { addSubmitCommand } from "../../../src/host/cli/submit.ts";
import { addTaskCommand } from "../../../src/host/cli/task-show.ts";
import { addTokenCommand } from "../../../src/host/cli/token.ts";
import { addUploadCommand } from "../../../src/host/cli/upload.ts";
import { addVerifyCommand } from "../../../src/host/cli/verify.ts";
import { loadConfig } from "../../../src/host/config/load-config.ts";

/** Where time passes only by waiting for it, and waiting takes none. */
export function hastyClock(startMs: number = 0): Clock & { readonly waits: readonly number[] } {
  let nowMs = startMs;
  const waits: number[] = [];
  return {
    waits,
    now: () => nowMs,
    monotonicMs: () => nowMs,
    // A turn of the event loop: what is under way on the network goes on.
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted !== true) {
          nowMs += ms;
          waits.push(ms);
        }
        setImmediate(resolve);
      }),
  };
}

export interface CommandRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: ExitCode;
}

export interface RunOptions {
  readonly clock?: Clock;
  readonly env?: NodeJS.ProcessEnv;
  /** Standard output is a terminal of this size. */
  readonly terminal?: { readonly columns: number; readonly rows: number };
  /** Standard error is a terminal so wide. */
  readonly errorTerminal?: { readonly columns: number };
  readonly interrupted?: AbortSignal;
  /** Called with everything written so far. */
  readonly onOutput?: (stdout: string) => void;
}

/** Runs a command as the program does. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<CommandRun> {
  const written = { stdout: "", stderr: "" };
  let exitCode: ExitCode = 0;
  const stdout: OutputStream = {
    write: (text) => {
      written.stdout += text;
      options.onOutput?.(written.stdout);
    },
    ...(options.terminal && { isTTY: true, ...options.terminal }),
  };
  const context: CliContext = {
    stdout,
    stderr: {
      write: (text) => (written.stderr += text),
      ...(options.errorTerminal && { isTTY: true, ...options.errorTerminal }),
    },
    env: options.env ?? {},
    clock: options.clock ?? hastyClock(),
    interrupted: options.interrupted ?? new AbortController().signal,
    loadConfig: (flags = []) => loadConfig({ env: options.env ?? {}, flags }),
    setExitCode: (code) => (exitCode = code),
  };
  const program = new Command("tasker-host").version("0.0.0").enablePositionalOptions().exitOverride();
  addSubmitCommand(program, context);
  addTaskCommand(program, context);
  addTokenCommand(program, context);
  addAuditCommand(program, context);
  addUploadCommand(program, context);
  addHandlersCommand(program, context);
  addGrantsCommand(program, context);
  addPruneCommand(program, context);
  addVerifyCommand(program, context);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    written.stderr += formatError(error);
    exitCode = exitCodeOf(error);
  }
  return { ...written, exitCode };
}
