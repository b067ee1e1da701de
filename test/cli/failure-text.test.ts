import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failureKind, failureText } from "../../src/host/cli/failure-text.ts";
import type { LimitsInForce, LimitSetBy } from "../../src/host/domain/step-run.ts";
import { type FinalOutcome, outcomeToResult } from "../../src/host/domain/outcome-to-result.ts";

const GOLDEN = join(import.meta.dirname, "../golden/failures.txt");
const SOURCE =
  'function shout(step) {\n  const { text } = step.dependency("compose");\n  return text.toUpperCase();\n}\n';

const FAILURE = {
  kind: "failure",
  message: "the card was declined",
  errorType: "handler_error",
  retryable: true,
  contextJson: "{}",
  attributes: [],
  backtrace: [],
} as const;

/** One of each kind that ends a step badly, and the failures that authors meet most. */
const OUTCOMES: readonly FinalOutcome[] = [
  FAILURE,
  {
    ...FAILURE,
    message: "cannot read property 'toUpperCase' of undefined",
    errorType: "TypeError",
    backtrace: ["shout (src/index.ts:3:15)", "run (src/run.ts:9:1)"],
  },
  { ...FAILURE, message: "Cannot accept the input: name: Required", errorType: "validation_error", retryable: false },
  { ...FAILURE, message: "Handler returned nothing", errorType: "invalid_result", retryable: false },
  { ...FAILURE, message: "the promise never settled", errorType: "never_settled", retryable: false },
  { kind: "out-of-fuel", limit: 10_000_000_000 },
  { kind: "out-of-fuel", limit: 10_000_000_000, backtrace: ["Cart#total (src/index.ts:3:3)"] },
  { kind: "memory-exceeded", limit: 134_217_728 },
  { kind: "stack-exhausted" },
  { kind: "trap", phase: "call", message: "divide by zero", backtrace: ["Cart#total (src/index.ts:3:3)"] },
  { kind: "timeout", limitMs: 30_000 },
  { kind: "invalid-result", reason: "a pointer out of bounds" },
  { kind: "output-exceeded", what: "result", limit: 1_048_576 },
  { kind: "output-exceeded", what: "log", limit: 262_144 },
  { kind: "output-exceeded", what: "error", limit: 65_536 },
  { kind: "output-exceeded", what: "host-calls", limit: 10_000 },
  { kind: "host-call-failed", capability: "tasker:handler/log@1.0.0", message: "the log is closed" },
  { kind: "sandbox-lost", reason: "the process was killed" },
];

function limitsSetBy(by: LimitSetBy): LimitsInForce {
  return {
    callable: "cart.total",
    maxCallDepth: 6_000,
    setBy: { fuel: by, memory: by, deadline: by === "host" ? "template" : by, result: by, log: by },
  };
}

function shown(outcome: FinalOutcome, limits: LimitsInForce | undefined = limitsSetBy("host")): string {
  const result = outcomeToResult(outcome, limits);
  if (result.success) throw new Error("a success is no failure");
  const words = { ...result, context: JSON.parse(result.contextJson) as Record<string, unknown> };
  const options = {
    paint: (_style: string, text: string) => text,
    sourceOf: (file: string) => (file === "src/index.ts" ? SOURCE : undefined),
  };
  return [`## ${outcome.kind}: ${failureKind(words)}`, ...failureText(words, options)].join("\n");
}

describe("failureText()", () => {
  it("says of every kind of failure what test/golden/failures.txt has", () => {
    const text = `${OUTCOMES.map((outcome) => shown(outcome)).join("\n\n")}\n`;
    if (process.env["TASKER_UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, text);
    expect(text).toBe(readFileSync(GOLDEN, "utf8"));
  });

  it.each([
    ["grants", "fuel", "fuel of the namespace's grants"],
    ["ceiling", "fuel", "grants.ceilings.fuel, below the namespace's grants"],
    ["fixture", "fuel", "limits.fuel of the fixture"],
    ["grants", "timeout", "deadline_ms of the namespace's grants"],
    ["ceiling", "timeout", "grants.ceilings.deadline_seconds, below the namespace's grants"],
    ["host", "timeout", "timeout_seconds of the step in its template"],
    ["grants", "memory", "max_memory_bytes of the namespace's grants"],
    ["grants", "log", "max_log_bytes of the namespace's grants"],
    ["grants", "stack", "6,000 units of stack (sandbox.limits.max_call_depth)"],
  ] as const)("says of a limit that %s set for %s where that is", (by, what, place) => {
    const outcomes = {
      fuel: { kind: "out-of-fuel", limit: 5 },
      timeout: { kind: "timeout", limitMs: 5 },
      memory: { kind: "memory-exceeded", limit: 5 },
      log: { kind: "output-exceeded", what: "log", limit: 5 },
      stack: { kind: "stack-exhausted" },
    } as const satisfies Record<string, FinalOutcome>;
    expect(shown(outcomes[what], limitsSetBy(by))).toMatch(new RegExp(`^limit .*${RegExp.escape(place)}`, "m"));
  });

  it("names no place for a limit where the result does not say who set it", () => {
    const result = outcomeToResult({ kind: "out-of-fuel", limit: 5 });
    if (result.success) throw new Error("a success is no failure");
    const text = failureText({ ...result, context: { limit_fuel: 5 } }, { paint: (_style, line) => line });
    expect(text).toContain("limit    5 units of fuel");
  });

  it("takes no payload for memory", () => {
    const words = { ...FAILURE, errorCode: "TSK_HANDLER_PAYLOAD_EXCEEDED", backtrace: [] };
    const context = { bytes: 70, limit_bytes: 60, set_by: "grants", callable: "cart.total" };
    const text = failureText({ ...words, context }, { paint: (_style, line) => line });
    expect(text).toContain("limit    60 bytes, 60 B (max_payload_bytes of the namespace's grants)");
  });

  it("lets no escape sequence of a guest reach the terminal", () => {
    const words = { ...FAILURE, message: "a\u001b[2Jb", context: {}, backtrace: ["f\u001b (a.ts:1:1)"] };
    expect(failureText(words, { paint: (_style, text) => text }).join("")).not.toContain("\u001b");
  });
});
