import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ERROR_CATALOGUE } from "../../src/core/errors/index.ts";
import { scanJson } from "../../src/core/json.ts";
import { type FinalOutcome, outcomeToResult } from "../../src/host/domain/outcome-to-result.ts";
import { type ResultFacts, stepResultJson } from "../../src/host/domain/step-result.ts";

const STEP = "0190b5a0-0000-7000-8000-000000000001";
const DIGEST = "a".repeat(64);

const FACTS: ResultFacts = {
  stepUuid: STEP,
  attempt: 2,
  startedMs: 1_000,
  completedMs: 1_012.6,
  workerId: "worker_1",
  workerHostname: "host",
  usage: { fuelUsed: 1_234, peakMemoryBytes: 65_536, durationMs: 10 },
  component: { digest: DIGEST, name: "greeter", version: "1.2.3", fuelScheduleId: "fs1" },
};

/** What tasker-core's deserializer demands: wrong types make its result message loop. */
const Strict = z.strictObject({
  step_uuid: z.uuid(),
  success: z.boolean(),
  result: z.unknown(),
  status: z.enum(["completed", "failed", "error"]),
  metadata: z.strictObject({
    execution_time_ms: z.int(),
    handler_version: z.string().nullable(),
    retryable: z.boolean(),
    completed_at: z.iso.datetime(),
    worker_id: z.string().nullable(),
    worker_hostname: z.string().nullable(),
    started_at: z.iso.datetime().nullable(),
    custom: z.record(z.string(), z.unknown()),
    error_code: z.string().nullable(),
    error_type: z.string().nullable(),
    context: z.record(z.string(), z.unknown()),
  }),
  error: z
    .strictObject({
      message: z.string(),
      error_type: z.string().nullable(),
      backtrace: z.array(z.string()).nullable(),
      retryable: z.boolean(),
      status_code: z.int().min(0).max(65_535).optional(),
      context: z.record(z.string(), z.unknown()).optional(),
    })
    .nullable(),
  orchestration_metadata: z.strictObject({
    headers: z.record(z.string(), z.string()),
    error_context: z.null(),
    backoff_hint: z.null(),
    custom: z.record(z.string(), z.unknown()),
  }),
});

const FAILURE = {
  kind: "failure",
  message: "card refused",
  errorType: "permanent_error",
  errorCode: "CARD",
  retryable: false,
  statusCode: 402,
  retryAfterMs: undefined,
  contextJson: '{"card":1}',
  attributes: [],
  backtrace: ["pay (pay.ts:3:1)"],
} as const satisfies FinalOutcome;

const OUTCOMES: readonly FinalOutcome[] = [
  { kind: "success", resultJson: '{"a":1}', metadataJson: "{}", attributes: [] },
  FAILURE,
  { kind: "out-of-fuel", limit: 10 },
  { kind: "memory-exceeded", limit: 10 },
  { kind: "stack-exhausted" },
  { kind: "trap", phase: "call", message: "unreachable", backtrace: [] },
  { kind: "timeout", limitMs: 10 },
  { kind: "invalid-result", reason: "pointer out of range" },
  { kind: "output-exceeded", what: "result", limit: 10 },
  { kind: "host-call-failed", capability: "http", message: "refused" },
  { kind: "sandbox-lost", reason: "killed" },
];

describe("`outcomeToResult()`", () => {
  it("retries what came from outside, and nothing that a second run would repeat", () => {
    const verdicts = OUTCOMES.map((outcome) => {
      const result = outcomeToResult(outcome);
      return [outcome.kind, result.success ? "success" : result.retryable ? "retryable" : "permanent"];
    });
    expect(Object.fromEntries(verdicts)).toEqual({
      success: "success",
      failure: "permanent",
      "out-of-fuel": "permanent",
      "memory-exceeded": "permanent",
      "stack-exhausted": "permanent",
      trap: "permanent",
      timeout: "retryable",
      "invalid-result": "permanent",
      "output-exceeded": "permanent",
      "host-call-failed": "retryable",
      "sandbox-lost": "retryable",
    });
  });

  it("gives each outcome of the sandbox a code of the catalogue and a type of its own", () => {
    const failures = OUTCOMES.slice(2).map((outcome) => outcomeToResult(outcome));
    const codes = failures.map((result) => (result.success ? "" : result.errorCode));
    expect(new Set(codes).size).toBe(OUTCOMES.length - 2);
    for (const code of codes) expect(ERROR_CATALOGUE).toHaveProperty([code ?? ""]);
  });
});

describe("`stepResultJson()`", () => {
  it.each(OUTCOMES.map((outcome) => [outcome.kind, outcome] as const))("is Tasker's document for %s", (_, outcome) => {
    const text = stepResultJson(outcomeToResult(outcome), FACTS);
    expect(scanJson(text, { maxBytes: 100_000 })).toBeUndefined();
    const document = Strict.parse(JSON.parse(text));
    expect(document.step_uuid).toBe(STEP);
    expect(document.success).toBe(document.status === "completed");
    expect(document.error === null).toBe(document.success);
    expect(document.metadata).toMatchObject({
      execution_time_ms: 13,
      handler_version: "1.2.3",
      custom: {
        attempt: 2,
        fuel_used: 1_234,
        fuel_schedule_id: "fs1",
        peak_memory_bytes: 65_536,
        module_name: "greeter",
        module_digest: DIGEST,
      },
    });
  });

  it("says a failure in Tasker's words", () => {
    const document = Strict.parse(JSON.parse(stepResultJson(outcomeToResult(FAILURE), FACTS)));
    expect(document.error).toEqual({
      message: "card refused",
      error_type: "permanent_error",
      backtrace: ["pay (pay.ts:3:1)"],
      retryable: false,
      status_code: 402,
      context: { card: 1 },
    });
    expect(document.metadata).toMatchObject({ error_code: "CARD", error_type: "permanent_error", retryable: false });
    expect(document.result).toEqual({});
  });

  it("hands the guest's wish for a later retry on in whole seconds", () => {
    const result = outcomeToResult({ ...FAILURE, retryable: true, retryAfterMs: 1_500 });
    const document = Strict.parse(JSON.parse(stepResultJson(result, FACTS)));
    expect(document.orchestration_metadata.headers).toEqual({ "Retry-After": "2" });
  });

  it("splices the handler's JSON in as it was spelled", () => {
    const resultJson = '{ "id": 123456789012345678901234567890, "x": 1.10, "k": "\\u00e9" }';
    const metadataJson = '{"big":9007199254740993}';
    const success = outcomeToResult({ kind: "success", resultJson, metadataJson, attributes: [] });
    const text = stepResultJson(success, FACTS);
    expect(text).toContain(`"result":${resultJson},`);
    expect(text).toContain('"big":9007199254740993');
  });

  it("does not let a handler lie about what it cost", () => {
    const metadataJson = '{"fuel_used":0,"module\\u005fdigest":"b","note":"kept"}';
    const success = outcomeToResult({ kind: "success", resultJson: "1", metadataJson, attributes: [] });
    const document = Strict.parse(JSON.parse(stepResultJson(success, FACTS)));
    expect(document.metadata.custom).toMatchObject({ fuel_used: 1_234, module_digest: DIGEST, note: "kept" });
  });

  it("keeps a failure whose words Postgres would refuse", () => {
    const result = outcomeToResult({ ...FAILURE, message: "a\0b\ud800", backtrace: ["\0"] });
    const text = stepResultJson(result, FACTS);
    expect(scanJson(text, { maxBytes: 100_000 })).toBeUndefined();
    expect(Strict.parse(JSON.parse(text)).error?.message).toBe("a\uFFFDb\uFFFD");
  });

  it("knows no component where a native handler ran", () => {
    const text = stepResultJson(outcomeToResult({ kind: "stack-exhausted" }), { ...FACTS, component: undefined });
    const { metadata } = Strict.parse(JSON.parse(text));
    expect(metadata).toMatchObject({ handler_version: null, custom: { module_digest: null, fuel_schedule_id: null } });
  });
});
