import { describe, expect, it } from "vitest";
import { checkReport } from "../../src/runtime/check-report.ts";
import type { Attributes, LogLine, Outcome } from "../../src/runtime/index.ts";
import { LIMITS } from "./support/runs.ts";

function check(outcome: Outcome, logs: readonly LogLine[] = []): ReturnType<typeof checkReport> {
  return checkReport({ outcome, usage: { fuelUsed: 1, peakMemoryBytes: 1, durationMs: 1 }, logs }, LIMITS);
}

function line(fieldsJson: string): LogLine {
  return { level: "info", message: "m", fieldsJson };
}

function empties(count: number): Attributes {
  return Array.from({ length: count }, () => ["", ""] as const);
}

const success: Outcome = { kind: "success", resultJson: "1", metadataJson: "{}", attributes: [] };
const failure: Outcome = {
  kind: "failure",
  message: "m",
  errorType: "t",
  retryable: true,
  contextJson: "{}",
  attributes: [],
  backtrace: [],
};
const checkpoint: Outcome = { kind: "checkpoint-yield", cursorJson: "1", itemsProcessed: 1 };

describe("checkReport()", () => {
  it.each<readonly [string, Outcome]>([
    ["a result that is not JSON", { ...success, resultJson: "{" }],
    ["a result of two documents", { ...success, resultJson: "1 1" }],
    ["a result with a key twice", { ...success, resultJson: '{"a":1,"a":1}' }],
    ["metadata that are no object", { ...success, metadataJson: "[]" }],
    ["no metadata", { ...success, metadataJson: "" }],
    ["U+0000 in an attribute", { ...success, attributes: [["a", "\0"]] }],
    ["a lone surrogate in an attribute", { ...success, attributes: [["\uD800", ""]] }],
    ["a context that is no object", { ...failure, contextJson: '"{}"' }],
    ["U+0000 in a message", { ...failure, message: "\0" }],
    ["U+0000 in an error type", { ...failure, errorType: "\0" }],
    ["U+0000 in an error code", { ...failure, errorCode: "\0" }],
    ["a cursor that is not JSON", { ...checkpoint, cursorJson: "at 5" }],
    ["an accumulation that is not JSON", { ...checkpoint, accumulatedJson: "" }],
  ])("makes an invalid result of %s", (_, outcome) => {
    expect(check(outcome).outcome.kind).toBe("invalid-result");
  });

  it.each<readonly [string, Outcome, "result" | "error"]>([
    ["a message", { ...failure, message: "m".repeat(9_000_000) }, "error"],
    ["an error type", { ...failure, errorType: "t".repeat(9_000_000) }, "error"],
    ["an error code", { ...failure, errorCode: "c".repeat(LIMITS.maxErrorBytes) }, "error"],
    ["a context", { ...failure, contextJson: JSON.stringify({ a: "ü".repeat(LIMITS.maxErrorBytes / 2) }) }, "error"],
    [
      "texts of a failure together",
      { ...failure, message: "m".repeat(40_000), errorType: "t".repeat(30_000) },
      "error",
    ],
    ["empty attributes of a failure", { ...failure, attributes: empties(LIMITS.maxErrorBytes / 16) }, "error"],
    ["a result", { ...success, resultJson: `"${"r".repeat(LIMITS.maxResultBytes)}"` }, "result"],
    ["empty attributes", { ...success, attributes: empties(LIMITS.maxResultBytes / 16) }, "result"],
    ["a checkpoint", { ...checkpoint, accumulatedJson: `"${"a".repeat(LIMITS.maxResultBytes)}"` }, "result"],
  ])("counts %s against the limit of all texts", (_, outcome, what) => {
    const limit = what === "error" ? LIMITS.maxErrorBytes : LIMITS.maxResultBytes;
    expect(check(outcome).outcome).toEqual({ kind: "output-exceeded", what, limit });
  });

  it("counts to the byte", () => {
    const rest = Buffer.byteLength("t{}");
    const full: Outcome = { ...failure, message: "m".repeat(LIMITS.maxErrorBytes - rest) };
    expect(check(full).outcome).toEqual(full);
    expect(check({ ...full, errorType: "tt" }).outcome.kind).toBe("output-exceeded");
  });

  it("counts sixteen bytes for an empty log line", () => {
    const empty: LogLine = { level: "info", message: "", fieldsJson: "" };
    const { logs } = check(
      success,
      Array.from({ length: 200_000 }, () => empty),
    );
    expect(logs).toHaveLength(LIMITS.maxLogBytes / 16);
  });

  it.each([success, failure, checkpoint, { ...success, metadataJson: ' \n{"a":1}' }])("passes %j", (outcome) => {
    expect(check(outcome).outcome).toEqual(outcome);
  });

  it("cleans what is for people only", () => {
    const trap: Outcome = { kind: "trap", phase: "call", message: "a\0b", backtrace: ["\uDC00"] };
    expect(check(trap).outcome).toEqual({ ...trap, message: "a\uFFFDb", backtrace: ["\uFFFD"] });
  });

  it("keeps log lines up to the limit, their fields always a JSON object or empty", () => {
    const { logs } = check(success, [line('{"a":1}'), line(""), line("a=1"), line("x".repeat(LIMITS.maxLogBytes))]);
    expect(logs.map(({ fieldsJson }) => fieldsJson)).toEqual(['{"a":1}', "", '{"unreadable":"a=1"}']);
  });

  it.each<readonly [string, LogLine, number]>([
    ["fields that are wrapped", { ...line("\u0001".repeat(6_000)), message: "" }, 36_017],
    ["a message that is cleaned", { ...line(""), message: "\0".repeat(12_000) }, 36_000],
  ])("counts %s as they are stored", (_, said, bytes) => {
    const { logs } = check(success, [said, said]);
    expect(logs).toHaveLength(1);
    expect(Buffer.byteLength((logs[0]?.message ?? "") + (logs[0]?.fieldsJson ?? ""))).toBe(bytes);
  });

  it.each<readonly [Outcome, Outcome]>([
    [
      { kind: "out-of-fuel", limit: 3 },
      { kind: "out-of-fuel", limit: LIMITS.fuel },
    ],
    [
      { kind: "memory-exceeded", limit: 3 },
      { kind: "memory-exceeded", limit: LIMITS.maxMemoryBytes },
    ],
    [
      { kind: "timeout", limitMs: 7 },
      { kind: "timeout", limitMs: LIMITS.timeoutMs },
    ],
    [
      { kind: "output-exceeded", what: "result", limit: 1 },
      { kind: "output-exceeded", what: "result", limit: LIMITS.maxResultBytes },
    ],
    [
      { kind: "output-exceeded", what: "error", limit: 1 },
      { kind: "output-exceeded", what: "error", limit: LIMITS.maxErrorBytes },
    ],
    [
      { kind: "output-exceeded", what: "log", limit: 1 },
      { kind: "output-exceeded", what: "log", limit: LIMITS.maxLogBytes },
    ],
    [
      { kind: "output-exceeded", what: "host-calls", limit: 1 },
      { kind: "output-exceeded", what: "host-calls", limit: LIMITS.maxHostCalls },
    ],
  ])("believes no limit but the run's own: %j", (said, outcome) => {
    expect(check(said).outcome).toEqual(outcome);
  });

  it("believes no duration far beyond the deadline", () => {
    const usage = { fuelUsed: 1, peakMemoryBytes: 1, durationMs: 1e308 };
    const checked = checkReport({ outcome: success, usage, logs: [] }, LIMITS);
    expect(checked.usage.durationMs).toBe(LIMITS.timeoutMs + 10_000);
  });

  it("believes no usage beyond the limits", () => {
    const usage = { fuelUsed: 2 ** 50, peakMemoryBytes: 2 ** 50, durationMs: 1 };
    const checked = checkReport({ outcome: success, usage, logs: [] }, LIMITS);
    expect(checked.usage).toEqual({ fuelUsed: LIMITS.fuel, peakMemoryBytes: LIMITS.maxMemoryBytes, durationMs: 1 });
  });
});
