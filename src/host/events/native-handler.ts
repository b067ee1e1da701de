import type { Clock } from "../../core/clock.ts";
import { scanJson } from "../../core/json.ts";
import type { GuestFailure, Outcome, RunReport } from "../../runtime/index.ts";
import type { StepEventPayload } from "../domain/step-event.ts";

/**
 * A handler with the host's own rights: gets the event, returns any JSON value, throws to fail.
 * A thrown error is retryable unless it carries `retryable: false`; `signal` aborts at the step's deadline.
 */
export type NativeHandler = (event: StepEventPayload, signal: AbortSignal) => unknown;

/** Runs a native handler to an outcome. Its deadline is kept by walking away: JavaScript in this process cannot be killed. */
export async function runNativeHandler(
  event: StepEventPayload,
  handler: NativeHandler,
  clock: Clock,
): Promise<RunReport> {
  const startedMs = clock.monotonicMs();
  const settled = new AbortController();
  const deadline = new AbortController();
  const limitMs = event.step.timeoutMs;
  const timeout = clock.wait(limitMs, settled.signal).then((): Outcome => {
    if (!settled.signal.aborted) deadline.abort(new Error(`deadline of ${limitMs} ms`));
    return { kind: "timeout", limitMs };
  });
  const outcome = await Promise.race([invoke(event, handler, deadline.signal), timeout]);
  settled.abort();
  return {
    outcome,
    usage: { fuelUsed: 0, peakMemoryBytes: 0, durationMs: clock.monotonicMs() - startedMs },
    logs: [],
  };
}

async function invoke(event: StepEventPayload, handler: NativeHandler, signal: AbortSignal): Promise<Outcome> {
  try {
    const resultJson = JSON.stringify(await handler(event, signal)) as string | undefined; // undefined for functions and undefined
    if (resultJson === undefined)
      return { kind: "invalid-result", reason: "the native handler returned no JSON value" };
    const problem = scanJson(resultJson, { maxBytes: Number.MAX_SAFE_INTEGER });
    if (problem !== undefined) return { kind: "invalid-result", reason: `its result holds ${problem.found}` };
    return { kind: "success", resultJson, metadataJson: "{}", attributes: [] };
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(thrown: unknown): GuestFailure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    kind: "failure",
    message: error.message,
    errorType: error.name,
    retryable: !("retryable" in error && error.retryable === false),
    contextJson: "{}",
    attributes: [],
    backtrace: (error.stack ?? "")
      .split("\n")
      .slice(1)
      .map((line) => line.trim()),
  };
}
