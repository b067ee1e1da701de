import type { TaskSnapshot } from "./dag-view.ts";
import type { Paint } from "./paint.ts";
import { printable } from "./printable.ts";

const MAX_BACKTRACE_LINES = 12;

/** What became of each failed step, in full: message, kind, code, and where it happened. Empty where none failed. */
export function failureLines({ steps }: TaskSnapshot, paint: Paint): readonly string[] {
  return steps.flatMap((step) => {
    const error = step.results?.error;
    if (step.current_state !== "error" || !error) return [];
    const { error_code: code, error_type: type } = step.results?.metadata ?? {};
    const kind = [error.error_type ?? type, code, error.retryable === true ? "retryable" : "permanent"];
    const facts = kind.filter((fact) => fact !== null && fact !== undefined).join(", ");
    const attempts = `attempt ${step.attempts} of ${step.max_attempts}`;
    return [
      ` ${paint("red", `✘ ${printable(step.name)}`)}  ${paint("dim", printable(`${facts}, ${attempts}`))}`,
      ...error.message.split("\n").map((line) => `   ${printable(line)}`),
      ...(error.backtrace ?? []).slice(0, MAX_BACKTRACE_LINES).map((line) => paint("dim", `     ${printable(line)}`)),
      "",
    ];
  });
}
