import { join } from "node:path";
import { readFileSync } from "node:fs";
import type { Difference } from "../../authoring/differences.ts";
import { exactJson } from "../../authoring/exact-values.ts";
import { outcomeValue } from "../../authoring/outcome-value.ts";
import type { Fixture } from "../../authoring/fixture.ts";
import type { FixtureRun } from "../../authoring/run-fixture.ts";
import { shownPath } from "../../authoring/shown-path.ts";
import { outcomeToResult } from "../../domain/outcome-to-result.ts";
import { jsonMembers } from "../../../core/json-members.ts";
import type { RunReport } from "../../../runtime/index.ts";
import { failureKind, failureText } from "../failure-text.ts";
import { formatBytes, formatDuration, grouped, shortDigest } from "../format.ts";
import type { Paint } from "../paint.ts";
import { printable, truncate } from "../printable.ts";
import type { VitestEnd } from "./run-vitest.ts";
import type { HandlerTests } from "./test-handler.ts";

/** Differences of one fixture that are shown. */
const MAX_DIFFERENCES = 5;
const MAX_LOG_LINES = 20;
const MAX_VALUE_COLUMNS = 200;

/** A handler's fixtures for people: each with its outcome and price; log and differences of those that failed. */
export function handlerLines(tests: HandlerTests, paint: Paint): readonly string[] {
  const { name, version, digest, runs, updated, folder } = tests;
  const title = `${paint("bold", `${name} ${version}`)}  ${paint("dim", shortDigest(digest))}`;
  if (runs.length === 0)
    return [title, `  ${paint("dim", `no fixtures in ${shownPath(join(folder, "fixtures"))}`)}`, ""];
  return [title, ...fixtureLines(runs, folder, updated, paint), ""];
}

/** The same without a title. */
export function fixtureLines(
  runs: readonly FixtureRun[],
  folder: string,
  updated: readonly Fixture[],
  paint: Paint,
): readonly string[] {
  const width = Math.max(...runs.map(({ fixture }) => fixture.name.length));
  return runs.flatMap((run) => {
    const status = run.passed ? "passed" : updated.includes(run.fixture) ? "updated" : "failed";
    const failed = status === "failed" ? failedLines(run, folder, paint) : [];
    return [
      ` ${mark(status, paint)} ${run.fixture.name.padEnd(width)}  ${costText(run.report, paint)}  ${outcomeText(run.report.outcome)}`,
      ...[...logLines(run.report, paint), ...failed].map((line) => (line === "" ? "" : `     ${line}`)),
    ];
  });
}

type Status = "passed" | "failed" | "updated";

function mark(status: Status, paint: Paint): string {
  switch (status) {
    case "passed":
      return paint("green", "✔");
    case "updated":
      return paint("yellow", "✎");
    case "failed":
      return paint("red", "✘");
    default:
      return status satisfies never;
  }
}

/** Fuel, peak memory and time: what the run cost. */
export function costText({ usage }: RunReport, paint: Paint): string {
  const cost = `${grouped(usage.fuelUsed)} fuel, ${formatBytes(usage.peakMemoryBytes)}, ${formatDuration(usage.durationMs)}`;
  return paint("dim", cost);
}

/** How the run ended, in one line. */
function outcomeText(outcome: RunReport["outcome"]): string {
  const { outcome: _kind, ...members } = outcomeValue(outcome);
  const shown =
    outcome.kind === "success" ? members["result"] : outcome.kind === "failure" ? outcome.message : { ...members };
  return truncate(printable(`${outcome.kind} ${exactJson(shown ?? null)}`), 100);
}

function logLines({ logs }: RunReport, paint: Paint): readonly string[] {
  const lines = logs.slice(0, MAX_LOG_LINES).map(({ level, message, fieldsJson }) => {
    const fields = fieldsJson === "" || fieldsJson === "{}" ? "" : ` ${fieldsJson}`;
    return paint("dim", `${level.padEnd(5)} ${truncate(printable(message + fields), MAX_VALUE_COLUMNS)}`);
  });
  const rest = logs.length - lines.length;
  return rest > 0 ? [...lines, paint("dim", `… and ${rest} more lines of log`)] : lines;
}

function failedLines(run: FixtureRun, folder: string, paint: Paint): readonly string[] {
  const { fixture, report, differences } = run;
  const lines: string[] = [];
  if (fixture.expect === undefined) lines.push("expects nothing yet; --update writes what came out");
  for (const difference of differences.slice(0, MAX_DIFFERENCES)) lines.push(...differenceLines(difference, paint));
  const rest = differences.length - MAX_DIFFERENCES;
  if (rest > 0) lines.push(paint("dim", `… and ${rest} more differences`));
  if (differences.length > 0) lines.push(paint("dim", `expected by ${shownPath(fixture.path)}`));
  const { outcome } = report;
  if (outcome.kind === "success" || outcome.kind === "checkpoint-yield") return lines;
  const result = outcomeToResult(outcome, report.limits);
  if (result.success) return lines;
  const failure = { ...result, context: contextOf(result.contextJson) };
  return [
    ...lines,
    "",
    `${paint("red", "the handler failed")}  ${paint("dim", printable(failureKind(failure)))}`,
    ...failureText(failure, { paint, sourceOf: (file) => sourceIn(folder, file) }),
    "",
  ];
}

/** Members that the renderer of failures reads are small numbers and words. */
function contextOf(json: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Array.from(jsonMembers(json), ([key, text]): [string, unknown] => [key, JSON.parse(text)]));
}

/** The author's file that a frame names, or undefined: frames are the guest's words, so nothing outside the folder is read. */
export function sourceIn(folder: string, file: string): string | undefined {
  if (file.split(/[/\\]/).includes("..") || /^[/\\~]|:/.test(file)) return undefined;
  try {
    return readFileSync(join(folder, file), "utf8");
  } catch {
    return undefined;
  }
}

function differenceLines({ path, keys, expected, actual }: Difference, paint: Paint): readonly string[] {
  const shown = (value: Difference["expected"]): string => truncate(printable(exactJson(value)), MAX_VALUE_COLUMNS);
  const change = keys.at(-1) === "fuel" ? fuelChange(expected, actual) : "";
  return [
    `${paint("bold", path === "" ? "outcome" : path)}${change}`,
    `  ${paint("green", `expected  ${shown(expected)}`)}`,
    `  ${paint("red", `actual    ${actual === undefined ? "nothing" : shown(actual)}`)}`,
  ];
}

function fuelChange(before: Difference["expected"], after: Difference["actual"]): string {
  if (typeof before !== "number" || typeof after !== "number") return "";
  return `  ${percentChange(before, after)}`;
}

/** `+12.5 %`: how `after` differs from `before`. */
export function percentChange(before: number, after: number): string {
  const change = before === 0 ? Number.POSITIVE_INFINITY : ((after - before) / before) * 100;
  return `${change > 0 ? "+" : ""}${Math.abs(change) < 0.1 ? change.toPrecision(2) : change.toFixed(1)} %`;
}

/** What a run of all tests came to. */
export interface TestSummary {
  readonly tested: readonly HandlerTests[];
  /** Handlers that could not be built. */
  readonly unbuilt: number;
  /** Undefined where vitest was not to run. */
  readonly unit: VitestEnd | undefined;
}

/** `3 fixtures passed, 1 failed`. */
export function summaryLine({ tested: tests, unbuilt, unit }: TestSummary, paint: Paint): string {
  const failed = tests.reduce((sum, each) => sum + each.failed, 0);
  const updated = tests.reduce((sum, each) => sum + each.updated.length, 0);
  const passed = tests.reduce((sum, each) => sum + each.runs.length, 0) - failed - updated;
  const parts = [
    paint(passed > 0 ? "green" : "dim", `${passed} ${passed === 1 ? "fixture" : "fixtures"} passed`),
    ...(updated > 0 ? [paint("yellow", `${updated} updated`)] : []),
    ...(failed > 0 ? [paint("red", `${failed} failed`)] : []),
    ...(unbuilt > 0 ? [paint("red", `${unbuilt} not built`)] : []),
    ...(unit === undefined ? [] : [unitText(unit, paint)]),
  ];
  return parts.join(", ");
}

function unitText(unit: VitestEnd, paint: Paint): string {
  switch (unit.kind) {
    case "passed":
    case "failed": {
      const written =
        unit.written === 0 ? "" : `, ${unit.written} ${unit.written === 1 ? "snapshot" : "snapshots"} written`;
      if (unit.kind === "failed")
        return paint("red", `${unit.failed} vitest ${unit.failed === 1 ? "test" : "tests"} failed`);
      return paint("green", `${unit.passed} vitest ${unit.passed === 1 ? "test" : "tests"} passed${written}`);
    }
    case "no-tests":
      return paint("dim", "no vitest tests");
    case "not-installed":
      return paint("yellow", "vitest tests left out: vitest is not installed");
    default:
      return unit satisfies never;
  }
}

/** One JSON object a fixture. */
export function handlerJson({ name, version, digest, runs, updated }: HandlerTests): readonly string[] {
  return runs.map((run) => {
    const { fixture, report, differences } = run;
    return exactJson({
      handler: name,
      version,
      digest,
      fixture: fixture.name,
      path: fixture.path,
      passed: run.passed || updated.includes(fixture),
      updated: updated.includes(fixture),
      actual: outcomeValue(report.outcome),
      backtrace: ("backtrace" in report.outcome ? report.outcome.backtrace : undefined) ?? [],
      differences: differences.map(({ path, expected, actual }) => ({ path, expected, actual: actual ?? null })),
      logs: report.logs.map(({ level, message }) => ({ level, message })),
      fuel: report.usage.fuelUsed,
      peak_memory_bytes: report.usage.peakMemoryBytes,
      duration_ms: Math.round(report.usage.durationMs * 1_000) / 1_000,
    });
  });
}
