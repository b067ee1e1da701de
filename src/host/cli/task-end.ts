import type { TaskAnswer } from "./api-answers.ts";
import { EXIT_CODES, type ExitCode } from "./exit-codes.ts";

const SUCCESSES: ReadonlySet<string> = new Set(["complete", "resolved_manually"]);
/** `blocked_by_failures` is where Tasker leaves a task with a step that failed for good: only people move it on. */
const FAILURES: ReadonlySet<string> = new Set(["error", "cancelled", "blocked_by_failures"]);

/** True where nothing more will happen by itself. */
export function hasEnded(task: TaskAnswer): boolean {
  return SUCCESSES.has(task.status) || FAILURES.has(task.status);
}

/** What a command that waited for the task ends with. */
export function exitCodeOfTask(task: TaskAnswer): ExitCode {
  return SUCCESSES.has(task.status) ? EXIT_CODES.done : EXIT_CODES.taskFailed;
}

/** `complete`, `blocked by failures`. */
export function statusWords(task: TaskAnswer): string {
  return task.status.replaceAll("_", " ");
}
