import { jsonMembers } from "../../core/json-members.ts";
import type { RunUsage } from "../../runtime/index.ts";
import type { StepFailure, StepResult } from "./outcome-to-result.ts";

/** What the result of a step says besides how the step ended. */
export interface ResultFacts {
  readonly stepUuid: string;
  /** From 1. */
  readonly attempt: number;
  readonly startedMs: number;
  readonly completedMs: number;
  readonly workerId: string;
  readonly workerHostname: string;
  readonly usage: RunUsage;
  /** The component that ran; undefined for a native handler, or where nothing ran. */
  readonly component:
    | { readonly digest: string; readonly name: string; readonly version: string; readonly fuelScheduleId: string }
    | undefined;
}

/**
 * The StepExecutionResult document of `workflow_steps.results`, as text: key names, types and defaults are tasker-core's.
 * The handler's own JSON is spliced in as it was spelled, so that integers beyond 2^53 survive.
 */
export function stepResultJson(result: StepResult, facts: ResultFacts): string {
  return object([
    ["step_uuid", JSON.stringify(facts.stepUuid)],
    ["success", String(result.success)],
    ["result", result.success ? result.resultJson : "{}"],
    ["status", result.success ? '"completed"' : '"failed"'],
    ["metadata", metadata(result, facts)],
    ["error", result.success ? "null" : error(result)],
    ["orchestration_metadata", orchestrationMetadata(result)],
  ]);
}

function metadata(result: StepResult, facts: ResultFacts): string {
  const failure = result.success ? undefined : result;
  return object([
    ["execution_time_ms", String(Math.max(0, Math.round(facts.completedMs - facts.startedMs)))],
    ["handler_version", JSON.stringify(facts.component?.version ?? null)],
    // Tasker decides by this member, not by `error.retryable`.
    ["retryable", String(failure?.retryable ?? false)],
    ["completed_at", JSON.stringify(new Date(facts.completedMs).toISOString())],
    ["worker_id", JSON.stringify(facts.workerId)],
    ["worker_hostname", JSON.stringify(facts.workerHostname)],
    ["started_at", JSON.stringify(new Date(facts.startedMs).toISOString())],
    ["custom", custom(result, facts)],
    ["error_code", failure?.errorCode === undefined ? "null" : storableString(failure.errorCode)],
    ["error_type", failure === undefined ? "null" : storableString(failure.errorType)],
    ["context", "{}"],
  ]);
}

/** The handler's metadata with the host's own measures over it: a handler cannot lie about what it cost. */
function custom(result: StepResult, facts: ResultFacts): string {
  const measures: Member[] = [
    ["attempt", String(facts.attempt)],
    ["fuel_used", String(facts.usage.fuelUsed)],
    ["fuel_schedule_id", JSON.stringify(facts.component?.fuelScheduleId ?? null)],
    ["peak_memory_bytes", String(facts.usage.peakMemoryBytes)],
    ["module_name", JSON.stringify(facts.component?.name ?? null)],
    ["module_digest", JSON.stringify(facts.component?.digest ?? null)],
  ];
  const guests = result.success ? jsonMembers(result.metadataJson) : new Map<string, string>();
  return object([...new Map([...guests, ...measures])]);
}

function error(failure: StepFailure): string {
  const members: Member[] = [
    ["message", storableString(failure.message)],
    ["error_type", storableString(failure.errorType)],
    ["backtrace", failure.backtrace.length === 0 ? "null" : `[${failure.backtrace.map(storableString).join(",")}]`],
    ["retryable", String(failure.retryable)],
  ];
  if (failure.statusCode !== undefined) members.push(["status_code", String(failure.statusCode)]);
  members.push(["context", failure.contextJson]);
  return object(members);
}

/**
 * Never null: Tasker's orchestrator stores a backoff only where this object is, and retries at once where it is not.
 * `Retry-After` in whole seconds is the one header that it reads.
 */
function orchestrationMetadata(result: StepResult): string {
  const retryAfterMs = result.success ? undefined : result.retryAfterMs;
  const headers = retryAfterMs === undefined ? {} : { "Retry-After": String(Math.ceil(retryAfterMs / 1_000)) };
  return JSON.stringify({ headers, error_context: null, backoff_hint: null, custom: {} });
}

/** A JSON string that `jsonb` holds: words about a failure must not be lost for a character that Postgres refuses. */
function storableString(text: string): string {
  return JSON.stringify(text.toWellFormed().replaceAll("\0", "\uFFFD"));
}

type Member = readonly [key: string, json: string];

function object(members: readonly Member[]): string {
  return `{${members.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
}
