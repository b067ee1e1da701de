/**
 * The last look at a report, in the host: the sandbox process is not trusted to have looked. Whatever passes can be
 * stored; whatever would poison the batch that stores it (not JSON, U+0000) becomes an `invalid-result`.
 */
import { scanJson } from "../core/json.ts";
import type { RunLimits } from "./limits.ts";
import { isSaid, type LogLine, type Outcome, type RunReport } from "./outcome.ts";
import type { Attributes } from "./step-context.ts";
import { bounded, lineBytes } from "./report-size.ts";
import { unreachable } from "./unreachable.ts";

/** How long after its deadline a step's process can go on, on a machine that has other things to do. */
const MAX_LATE_MS = 10_000;

export function checkReport(report: RunReport, limits: RunLimits): RunReport {
  // Sizes first: what is too large is not looked at.
  const sized = isSaid(report.outcome) ? bounded(report.outcome, limits) : report.outcome;
  const problem = outcomeProblem(sized, limits);
  const outcome: Outcome =
    problem === undefined ? storable(withOwnLimit(sized, limits)) : { kind: "invalid-result", reason: problem };
  const { fuelUsed, peakMemoryBytes, durationMs } = report.usage;
  return {
    outcome,
    usage: {
      fuelUsed: Math.min(fuelUsed, limits.fuel),
      peakMemoryBytes: Math.min(peakMemoryBytes, limits.maxMemoryBytes),
      durationMs: Math.min(durationMs, limits.timeoutMs + MAX_LATE_MS),
    },
    logs: storableLogs(report.logs, limits.maxLogBytes),
  };
}

/** The limit that the run had, whatever is said of it. */
function withOwnLimit(outcome: Outcome, limits: RunLimits): Outcome {
  switch (outcome.kind) {
    case "out-of-fuel":
      return { ...outcome, limit: limits.fuel };
    case "memory-exceeded":
      return { ...outcome, limit: limits.maxMemoryBytes };
    case "timeout":
      return { ...outcome, limitMs: limits.timeoutMs };
    case "output-exceeded":
      return { ...outcome, limit: outputLimit(outcome.what, limits) };
    case "stack-exhausted":
      return { kind: outcome.kind, backtrace: outcome.backtrace };
    case "success":
    case "failure":
    case "checkpoint-yield":
    case "trap":
    case "invalid-result":
    case "host-call-failed":
    case "sandbox-lost":
      return outcome;
    default:
      return unreachable(outcome);
  }
}

function outputLimit(what: Extract<Outcome, { kind: "output-exceeded" }>["what"], limits: RunLimits): number {
  switch (what) {
    case "result":
      return limits.maxResultBytes;
    case "log":
      return limits.maxLogBytes;
    case "error":
      return limits.maxErrorBytes;
    case "host-calls":
      return limits.maxHostCalls;
    default:
      return unreachable(what);
  }
}

function outcomeProblem(outcome: Outcome, limits: RunLimits): string | undefined {
  const { maxResultBytes, maxErrorBytes } = limits;
  switch (outcome.kind) {
    case "success":
      return (
        documentProblem("result", outcome.resultJson, maxResultBytes) ??
        objectProblem("metadata", outcome.metadataJson, maxResultBytes) ??
        attributesProblem(outcome.attributes)
      );
    case "failure":
      return (
        objectProblem("context", outcome.contextJson, maxErrorBytes) ??
        textProblem("message", outcome.message) ??
        textProblem("error-type", outcome.errorType) ??
        textProblem("error-code", outcome.errorCode ?? "") ??
        attributesProblem(outcome.attributes)
      );
    case "checkpoint-yield":
      return (
        documentProblem("cursor", outcome.cursorJson, maxResultBytes) ??
        (outcome.accumulatedJson === undefined
          ? undefined
          : documentProblem("accumulated", outcome.accumulatedJson, maxResultBytes))
      );
    case "out-of-fuel":
    case "memory-exceeded":
    case "stack-exhausted":
    case "trap":
    case "timeout":
    case "invalid-result":
    case "output-exceeded":
    case "host-call-failed":
    case "sandbox-lost":
      return undefined;
    default:
      return unreachable(outcome);
  }
}

function documentProblem(member: string, json: string, maxBytes: number): string | undefined {
  const problem = scanJson(json, { maxBytes });
  return problem === undefined ? undefined : `${JSON.stringify(member)} is refused: ${problem.found}`;
}

function objectProblem(member: string, json: string, maxBytes: number): string | undefined {
  const problem = documentProblem(member, json, maxBytes);
  if (problem !== undefined) return problem;
  return /^[ \t\r\n]*\{/.test(json) ? undefined : `${JSON.stringify(member)} is no JSON object`;
}

function textProblem(member: string, text: string): string | undefined {
  if (text.includes("\0")) return `${JSON.stringify(member)} holds U+0000`;
  return text.isWellFormed() ? undefined : `${JSON.stringify(member)} holds a lone surrogate`;
}

function attributesProblem(attributes: Attributes): string | undefined {
  for (const [name, value] of attributes) {
    const problem = textProblem("attributes", name) ?? textProblem("attributes", value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Texts that are for people only: cleaned rather than refused. */
function storable(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case "failure":
      return { ...outcome, backtrace: outcome.backtrace.map(clean) };
    case "out-of-fuel":
    case "memory-exceeded":
    case "stack-exhausted":
      return outcome.backtrace === undefined ? outcome : { ...outcome, backtrace: outcome.backtrace.map(clean) };
    case "trap":
      return { ...outcome, message: clean(outcome.message), backtrace: outcome.backtrace.map(clean) };
    case "invalid-result":
    case "sandbox-lost":
      return { ...outcome, reason: clean(outcome.reason) };
    case "host-call-failed":
      return { ...outcome, capability: clean(outcome.capability), message: clean(outcome.message) };
    case "success":
    case "checkpoint-yield":
    case "timeout":
    case "output-exceeded":
      return outcome;
    default:
      return unreachable(outcome);
  }
}

function clean(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}

/** Lines up to the limit, as they are stored: what is cleaned or wrapped becomes longer. */
function storableLogs(logs: readonly LogLine[], maxBytes: number): readonly LogLine[] {
  const kept: LogLine[] = [];
  let bytes = 0;
  for (const line of logs) {
    const stored = storableLine(line, maxBytes);
    bytes += lineBytes(stored);
    if (bytes > maxBytes) break;
    kept.push(stored);
  }
  return kept;
}

/** Fields that are no JSON object stay readable, as a member of one. */
function storableLine({ level, message, fieldsJson }: LogLine, maxBytes: number): LogLine {
  const unreadable = fieldsJson !== "" && objectProblem("fields", fieldsJson, maxBytes) !== undefined;
  return {
    level,
    message: clean(message),
    fieldsJson: unreadable ? JSON.stringify({ unreadable: clean(fieldsJson) }) : fieldsJson,
  };
}
