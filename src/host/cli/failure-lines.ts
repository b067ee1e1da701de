import type { TaskSnapshot } from "./dag-view.ts";
import { failureKind, failureText, type FailureWords } from "./failure-text.ts";
import type { Paint } from "./paint.ts";
import { printable } from "./printable.ts";

/** What became of each failed step, in full: kind, message, place, limit, causes. Empty where none failed. */
export function failureLines({ steps }: TaskSnapshot, paint: Paint): readonly string[] {
  return steps.flatMap((step) => {
    const { error, metadata } = step.results ?? {};
    if (step.current_state !== "error" || !error) return [];
    const words: FailureWords = {
      message: error.message,
      errorType: error.error_type ?? metadata?.error_type ?? "",
      errorCode: metadata?.error_code ?? undefined,
      retryable: error.retryable === true,
      backtrace: error.backtrace ?? [],
      context: error.context ?? {},
    };
    const attempts = `attempt ${step.attempts} of ${step.max_attempts}`;
    return [
      ` ${paint("red", `✘ ${printable(step.name)}`)}  ${paint("dim", printable(`${failureKind(words)}, ${attempts}`))}`,
      ...failureText(words, { paint }).map((line) => (line === "" ? "" : `   ${line}`)),
      "",
    ];
  });
}
