import { adviceFor } from "./failure-advice.ts";
import { codeFrame, placeOfFrame } from "./code-frame.ts";
import type { Paint } from "./paint.ts";
import { limitText } from "./limit-text.ts";
import { printable } from "./printable.ts";

/** How a step failed, in the words of its result document: of a run in the sandbox, or read from a task. */
export interface FailureWords {
  readonly message: string;
  readonly errorType: string;
  readonly errorCode?: string | undefined;
  readonly retryable: boolean;
  readonly backtrace: readonly string[];
  /** `error.context`: for a limit that was hit, its value. */
  readonly context: Readonly<Record<string, unknown>>;
}

export interface FailureTextOptions {
  readonly paint: Paint;
  /** The text of an author's file, where it is at hand; the place of the failure is drawn from it. */
  readonly sourceOf?: (file: string) => string | undefined;
}

const MAX_BACKTRACE_LINES = 12;

/** `TypeError, TSK_…, retryable`: the kind of failure in one line. */
export function failureKind({ errorType, errorCode, retryable }: FailureWords): string {
  return [errorType, errorCode, retryable ? "retryable" : "permanent"]
    .filter((fact) => fact !== undefined && fact !== "")
    .join(", ");
}

/** A failure for people who want to mend it: message, place, the limit that was hit, the usual causes, what to do. */
export function failureText(failure: FailureWords, { paint, sourceOf }: FailureTextOptions): readonly string[] {
  const { backtrace, message } = failure;
  const drawn = drawing(backtrace, paint, sourceOf);
  const hints = hintLines(failure, paint);
  return [
    ...message.split("\n").map(printable),
    ...backtrace.slice(0, MAX_BACKTRACE_LINES).map((line) => paint("dim", `  at ${printable(line)}`)),
    ...drawn,
    ...(drawn.length > 0 && hints.length > 0 ? [""] : []),
    ...hints,
  ];
}

/** The limit that was hit, the usual causes, what to do: what is known of each. */
function hintLines({ backtrace, context, errorCode, errorType }: FailureWords, paint: Paint): readonly string[] {
  const advice = adviceFor(errorCode, errorType);
  const limit = limitText(errorCode, context);
  const hints = [
    // An interpreter's own place is in its memory, not on the stack of the sandbox.
    ["in", limit !== undefined && backtrace.length === 0 ? callableOf(context) : undefined],
    ["limit", limit],
    ["usually", advice?.usually],
    ["do", advice?.remedy],
  ] as const;
  return hints.flatMap(([name, text]) => (text === undefined ? [] : [`${paint("dim", name.padEnd(8))} ${text}`]));
}

function callableOf({ callable }: FailureWords["context"]): string | undefined {
  return typeof callable === "string" ? printable(callable) : undefined;
}

/** The innermost frame whose file is at hand. */
function drawing(
  backtrace: readonly string[],
  paint: Paint,
  sourceOf: FailureTextOptions["sourceOf"],
): readonly string[] {
  for (const frame of sourceOf === undefined ? [] : backtrace) {
    const place = placeOfFrame(frame);
    const source = place && sourceOf?.(place.file);
    if (place !== undefined && source !== undefined) return ["", ...codeFrame(source, place, paint)];
  }
  return [];
}
