import type { StepAnswer } from "./api-answers.ts";
import type { TaskSnapshot } from "./dag-view.ts";
import { failureKind, failureText, type FailureWords } from "./failure-text.ts";
import type { Paint } from "./paint.ts";
import { shortDigest } from "./format.ts";
import { printable } from "./printable.ts";

type Metadata = NonNullable<StepAnswer["results"]>["metadata"];

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
      ...[...failureText(words, { paint }), ...ranLines(metadata, paint)].map((line) =>
        line === "" ? "" : `   ${line}`,
      ),
      "",
    ];
  });
}

/** The code that ran, for who has to say which it was; nothing where another worker, or none, ran the step. */
function ranLines(metadata: Metadata, paint: Paint): readonly string[] {
  const { handler_version: version, custom } = metadata ?? {};
  const { module_name: name, module_digest: digest } = custom ?? {};
  if (typeof digest !== "string") return [];
  const ran = [name ?? "", version ?? "", shortDigest(digest)].filter((part) => part !== "").join(" ");
  return [`${paint("dim", "ran".padEnd(8))} ${printable(ran)}`];
}
