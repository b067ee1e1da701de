import { adviceFor } from "./failure-advice.ts";
import { codeFrame, placeOfFrame } from "./code-frame.ts";
import { formatBytes } from "./format.ts";
import type { Paint } from "./paint.ts";
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
function hintLines({ context, errorCode, errorType }: FailureWords, paint: Paint): readonly string[] {
  const advice = adviceFor(errorCode, errorType);
  const hints = [
    ["limit", limitText(context)],
    ["usually", advice?.usually],
    ["do", advice?.remedy],
  ] as const;
  return hints.flatMap(([name, text]) => (text === undefined ? [] : [`${paint("dim", name.padEnd(8))} ${text}`]));
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

/** The limit that the context of a failure names, with its key in the configuration. */
function limitText(context: FailureWords["context"]): string | undefined {
  const { limit_fuel: fuel, limit_bytes: bytes, timeout_ms: timeoutMs, what, limit } = context;
  if (typeof fuel === "number") return `${grouped(fuel)} units of fuel (sandbox.limits.fuel)`;
  if (typeof bytes === "number")
    return `${grouped(bytes)} bytes, ${formatBytes(bytes)} (sandbox.limits.max_memory_bytes)`;
  if (typeof timeoutMs === "number") return `${grouped(timeoutMs)} ms (timeout_seconds of the step in its template)`;
  if (typeof limit !== "number" || typeof what !== "string") return undefined;
  const key = OUTPUT_KEYS[what];
  return `${grouped(limit)} ${what === "host-calls" ? "calls" : "bytes"}${key === undefined ? "" : ` (sandbox.limits.${key})`}`;
}

const OUTPUT_KEYS: Readonly<Record<string, string>> = {
  result: "max_result_bytes",
  log: "max_log_bytes",
  error: "max_error_bytes",
  "host-calls": "max_host_calls",
};

/** `10,000,000`. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
