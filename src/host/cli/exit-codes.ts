import { isTaskerError } from "../../core/errors/index.ts";
import { isBuildError } from "./format.ts";

/** What the process says of itself when it ends; listed in docs/http.md. */
export const EXIT_CODES = {
  /** Done; a task that was followed is complete. */
  done: 0,
  /** The task that was followed ended otherwise: blocked by failures, in error, cancelled. */
  taskFailed: 1,
  /** The command line, or what it names, is wrong. */
  usage: 2,
  /** The host, its database or its surroundings could not do it. */
  unavailable: 3,
  /** Ended by SIGINT or SIGTERM. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** The exit code of a command that threw: the user's mistakes are `usage`, all else is `unavailable`. */
export function exitCodeOf(error: unknown): ExitCode {
  const usersFault = isTaskerError(error) ? error.entry.fault === "user" : isBuildError(error);
  return usersFault ? EXIT_CODES.usage : EXIT_CODES.unavailable;
}
