import { readFileSync } from "node:fs";
import { join } from "node:path";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { beforeAll, describe, expect, it } from "vitest";
import { buildHandler, type BuildReport } from "@tasker-host/toolchain";
import { type LoadedComponent, loadComponent, type RunContext, type RunOutcome } from "./support/run-component.ts";

/** What both engines must do alike; where one differs, the difference is named. */
describe.each(["quickjs", "starlingmonkey"])("handlers on %s", (engine) => {
  let report: BuildReport;
  let component: LoadedComponent;

  beforeAll(async () => {
    report = await buildHandler(join(import.meta.dirname, `fixtures/conduct-${engine}`));
    component = await loadComponent(report.wasmPath);
  });

  function outcomeOf(callable: string, context: Partial<RunContext> = {}): RunOutcome {
    return component.run({ callable, ...context }).outcome;
  }

  /** The result's text. */
  function textOf(callable: string, context: Partial<RunContext> = {}): string {
    const outcome = outcomeOf(callable, context);
    if (outcome.tag !== "success")
      throw new Error(
        `${callable}: ${JSON.stringify(outcome.val, (_k, v: unknown) => (typeof v === "bigint" ? `${v}n` : v))}`,
      );
    return outcome.val.result;
  }

  function failureOf(
    callable: string,
    context: Partial<RunContext> = {},
  ): Extract<RunOutcome, { tag: "failure" }>["val"] {
    const outcome = outcomeOf(callable, context);
    if (outcome.tag !== "failure") throw new Error(`${callable} did not fail but: ${outcome.tag}`);
    return outcome.val;
  }

  it("are called as a step asks, each on a fresh instance", () => {
    expect([textOf("calls"), textOf("calls")]).toEqual(["1", "1"]);
  });

  it("see input, inputs, config and dependencies", () => {
    const text = textOf("echo", {
      context: '{"a":1}',
      inputs: '{"b":2}',
      config: '{"c":3}',
      dependencyResults: [{ stepName: "before", result: "null" }],
    });
    expect(JSON.parse(text)).toEqual({ input: { a: 1 }, inputs: { b: 2 }, config: { c: 3 }, before: ["before"] });
  });

  it("see attempt, method and attributes", () => {
    const context = { attempt: 3, method: "refund", attributes: [["traceparent", "00-1"] as const] };
    expect(JSON.parse(textOf("attempt", context))).toEqual({
      attempt: 3,
      isRetry: true,
      isLastRetry: true,
      method: "refund",
      trace: "00-1",
    });
  });

  describe("with numbers that a double cannot hold", () => {
    it.each([
      "9007199254740993",
      "-9007199254740993",
      "12345678901234567890123456789",
      "0.12345678901234567890",
      "1e400",
      "-1.5E-400",
      "12345678901234567.25",
    ])("hand %s on unchanged", (digits) => {
      expect(textOf("echo", { context: `{"n":[${digits},"${digits}"]}` })).toContain(`{"n":[${digits},"${digits}"]}`);
    });

    it.each([
      ["1.50", "1.5"],
      ["1e2", "100"],
      ["100000000000000000000.0", "100000000000000000000"],
      ["0.1000000000000000000", "0.1"],
    ])("may spell %s as %s, the same number", (given, wanted) => {
      expect(textOf("echo", { context: `{"n":${given}}` })).toContain(`{"n":${wanted}}`);
    });

    it("write bigint as digits", () => {
      expect(textOf("big")).toBe('{"big":18446744073709551616,"é":"key"}');
    });
  });

  it("hand unicode and escapes on unchanged", () => {
    const context = '{"text":"é 😀 \\"\\\\u0000\\" \\u2028 \\u0001"}';
    expect(JSON.parse(textOf("echo", { context })).input).toEqual(JSON.parse(context));
    expect(JSON.parse(textOf("escapes"))).toEqual({ text: 'é 😀 "\\u0000" \\ud800 \u0001 \n' });
  });

  it("may be async in every way", () => {
    expect(JSON.parse(textOf("await"))).toEqual({
      first: 1,
      second: 2,
      third: 3,
      rest: [1, 2, 3],
      settled: ["fulfilled", "rejected"],
      fast: "won",
      any: "any",
      from: [1, 2],
      loaded: "top-level await",
    });
    expect(JSON.parse(textOf("order"))).toEqual(["sync", "microtask", "then"]);
  });

  it("fail as what their promise rejects with", () => {
    expect(failureOf("rejects")).toMatchObject({ message: "rejected later", errorType: "TypeError", retryable: true });
    expect(component.run({ callable: "rejects" }).logs).toEqual([]);
  });

  it("fail for good where their promise never settles", () => {
    expect(failureOf("neverSettles")).toMatchObject({ errorType: "never_settled", retryable: false });
  });

  it("are warned of rejections that nobody listens to", () => {
    const { outcome, logs } = component.run({ callable: "unhandled" });
    expect(outcome.tag).toBe("success");
    expect(logs).toEqual([
      ["warn", "A promise was rejected and nobody listened: nobody listens", '{"error_type":"Error"}'],
    ]);
  });

  it.each([
    ["nothing", "the handler returned nothing"],
    ["successOfNothing", "the handler returned nothing"],
    ["undefinedInArray", 'undefined under the key "1" of an array'],
    ["function", 'a function under the key "f"'],
    ["nan", 'NaN under the key "value"'],
    ["map", "a Map"],
    ["forgottenAwait", 'a promise under the key "value"'],
    ["cycle", "a cycle"],
    ["nul", "U+0000 in a string"],
    ["loneSurrogate", "a lone surrogate"],
  ])("fail for good where they return what is no result: %s", (callable, found) => {
    expect(failureOf(callable)).toMatchObject({
      message: expect.stringContaining(found),
      errorType: "invalid_result",
      retryable: false,
    });
  });

  it("may return null, metadata, members that are undefined, and ten megabytes", () => {
    expect(textOf("null")).toBe("null");
    expect(outcomeOf("withMetadata")).toMatchObject({ val: { result: '{"done":true}', metadata: '{"rows":3}' } });
    expect(textOf("undefinedMember")).toBe('{"here":1}');
    expect(textOf("huge")).toHaveLength(10 * 1_024 * 1_024 + 2);
  });

  it.each([
    ["throws", { message: "out of bounds", errorType: "RangeError", retryable: true }],
    ["throwsText", { message: "just text", errorType: "string", retryable: true }],
    ["throwsNull", { message: "null", errorType: "null", retryable: true }],
    ["throwsObject", { message: "an object", errorType: "Object", retryable: false }],
    [
      "throwsPermanent",
      {
        message: "for good",
        errorType: "permanent_error",
        errorCode: "E_GOOD",
        statusCode: 422,
        context: '{"why":1}',
        retryable: false,
      },
    ],
    [
      "throwsRetryable",
      {
        message: "once more",
        errorType: "retryable_error",
        retryAfterMs: 1_500n,
        context: '{"cause":"Error: the gateway"}',
        retryable: true,
      },
    ],
    ["failure", { message: "failed", errorType: "handler_error", retryable: true, attributes: [] }],
    ["permanent", { message: "never", errorType: "validation_error", retryable: false }],
    ["retryable", { message: "again", errorType: "retryable_error", retryable: true }],
    [
      "odd",
      {
        message: "odd\uFFFD\uFFFD",
        statusCode: 65_535,
        retryAfterMs: 9_007_199_254_740_991n,
        attributes: [["stack", "5"]],
      },
    ],
    ["missing", { errorType: "missing_dependency", retryable: false }],
    ["hostile", { message: "Cannot describe what was thrown: a getter that throws", retryable: true }],
    ["nobody", { errorType: "handler_not_found", retryable: false }],
  ])("end in a failure that says what happened: %s", (callable, wanted) => {
    expect(failureOf(callable)).toMatchObject(wanted);
  });

  it("lead back to their source by the map beside the component", () => {
    const { message, attributes } = failureOf("throwsHere");
    expect(message).toBe("thrown here");
    const stack = attributes.find(([name]) => name === "stack")?.[1] ?? "";
    const map = JSON.parse(readFileSync(report.sourceMapPath, "utf8"));
    const frame = stack.split("\n").find((line) => line.includes(`${map.file}:`)) ?? "";
    const [, line, column] = /:(\d+):(\d+)/.exec(frame) ?? [];
    const place = originalPositionFor(new TraceMap(map), { line: Number(line), column: Number(column) - 1 });
    expect(place.source).toBe("../conduct/handlers.ts");
    const source = readFileSync(join(import.meta.dirname, "fixtures/conduct/handlers.ts"), "utf8").split("\n");
    expect(source[(place.line ?? 0) - 1]).toContain(`new Error("thrown here")`);
  });

  it("have no timers, and are told so", () => {
    expect(failureOf("timers").message).toMatch(/setTimeout.*\(a step has no timers/);
  });

  it("take time and randomness from the step, the same for the same attempt", () => {
    const first = textOf("clock", { seed: 7n });
    const { now, date, iso, text, isDate, random, other, uuid } = JSON.parse(first);
    expect([now, date, iso, text, isDate]).toEqual([
      1_764_000_000_000,
      1_764_000_000_000,
      "2025-11-24T16:00:00.000Z",
      "string",
      true,
    ]);
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(random).not.toBe(other);
    expect(textOf("clock", { seed: 7n })).toBe(first);
    expect(JSON.parse(textOf("clock", { seed: 8n })).random).not.toBe(random);
    expect(JSON.parse(textOf("clock", { seed: 2n ** 64n - 1n })).random).not.toBe(random);
  });

  it("write to the step's log", () => {
    expect(component.run({ callable: "logs" }).logs).toEqual([
      ["info", "a line", '{"n":1,"big":1152921504606846976}'],
      ["warn", 'from {"a":1} 2', ""],
    ]);
  });

  it("cannot hurt themselves by what they log", () => {
    expect(component.run({ callable: "oddLog" }).logs).toEqual([
      ["info", "lone \uFFFD", '{"unloggable":"Cannot turn the value into JSON: found a cycle"}'],
      ["info", "Symbol(s) undefined e", ""],
    ]);
  });

  it("encode and decode UTF-8", () => {
    expect(JSON.parse(textOf("encodes"))).toEqual({ bytes: [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80], text: "é😀" });
  });

  it("get an input that their schema has seen, or fail with its issues", () => {
    expect(JSON.parse(textOf("checked", { context: '{"n":21,"other":1}' }))).toEqual({ twice: 42 });
    expect(failureOf("checked", { context: '{"n":1.5}' })).toMatchObject({
      message: expect.stringMatching(/^Cannot accept the input: n: /),
      errorType: "validation_error",
      retryable: false,
    });
    expect(failureOf("checked", { context: '{"n":9007199254740993}' }).errorType).toBe("validation_error");
  });

  it("yield checkpoints and find them again", () => {
    expect(outcomeOf("yields")).toEqual({
      tag: "checkpoint-yield",
      val: { cursor: '{"at":25}', itemsProcessed: 25n, accumulated: "[]" },
    });
    const checkpoint = { cursor: '{"at":25}', itemsProcessed: 25n, accumulated: "[9007199254740993]" };
    expect(outcomeOf("yields", { checkpoint })).toEqual({
      tag: "checkpoint-yield",
      val: { cursor: '{"at":50}', itemsProcessed: 50n, accumulated: "[9007199254740993]" },
    });
  });

  it("decide and batch in orchestration's words", () => {
    expect(JSON.parse(textOf("decides"))).toEqual({
      decision_point_outcome: { type: "create_steps", step_names: ["manager_approval"] },
      routing_context: { amount: 1200 },
    });
    expect(JSON.parse(textOf("batches"))).toEqual({
      batch_processing_outcome: {
        type: "create_batches",
        worker_template_name: "worker",
        worker_count: 2,
        cursor_configs: [
          { batch_id: "001", start_cursor: 0, end_cursor: 3, batch_size: 3 },
          { batch_id: "002", start_cursor: 3, end_cursor: 5, batch_size: 2 },
        ],
        total_items: 5,
      },
    });
  });
});
