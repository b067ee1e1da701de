import type { Clock } from "../../core/clock.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { ConfigFlag } from "../config/text-settings.ts";
import type { ExitCode } from "./exit-codes.ts";

/** What a command writes to; a terminal where `isTTY`. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** What commands see of the process that they run in. Commands throw `TaskerError`; whoever runs them prints it. */
export interface CliContext {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Aborts when the user wants the command to end (SIGINT, SIGTERM). */
  readonly interrupted: AbortSignal;
  /** @throws TSK_CONFIG_INVALID */
  loadConfig(flags?: readonly ConfigFlag[]): LoadedConfig;
  /** What the process will end with, unless the command throws. */
  setExitCode(code: ExitCode): void;
}
