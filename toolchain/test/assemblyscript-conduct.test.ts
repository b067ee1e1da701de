import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildHandler } from "@tasker-host/toolchain";
import { type LoadedComponent, loadComponent, type RunContext, type RunOutcome } from "./support/run-component.ts";

const FOLDER = join(import.meta.dirname, "fixtures/conduct-assemblyscript");

describe("handlers in AssemblyScript", () => {
  let component: LoadedComponent;

  beforeAll(async () => {
    const report = await buildHandler(FOLDER);
    component = await loadComponent(report.wasmPath);
  });

  function outcomeOf(callable: string, context: Partial<RunContext> = {}): RunOutcome {
    return component.run({ callable, ...context }).outcome;
  }

  /** The result's text. */
  function textOf(callable: string, context: Partial<RunContext> = {}): string {
    const outcome = outcomeOf(callable, context);
    if (outcome.tag !== "success") throw new Error(`${callable} did not succeed but: ${outcome.tag}`);
    return outcome.val.result;
  }

  it("are called as a step asks, each on a fresh instance", () => {
    expect([textOf("calls"), textOf("calls")]).toEqual(["1", "1"]);
  });

  it("see every field of the context", () => {
    const text = textOf("echo", {
      context: '{"a":1}',
      inputs: '{"b":2}',
      config: '{"c":3}',
      dependencyResults: [
        { stepName: "before", result: "null" },
        { stepName: "früher 😀", result: "null" },
      ],
    });
    expect(text).toBe('{"input":{"a":1},"inputs":{"b":2},"config":{"c":3},"before":["before","früher 😀"]}');
    expect(
      JSON.parse(textOf("attempt", { attempt: 3, method: "refund", attributes: [["traceparent", "00-1"]] })),
    ).toEqual({ attempt: 3, isRetry: true, isLastRetry: true, method: "refund", trace: "00-1" });
  });

  it.each([
    '{"n":[9007199254740993,-12345678901234567890123456789,0.12345678901234567890,1e400,-1.50E-400,1.0]}',
    '{"text":"é 😀 \\"\\\\u0000\\" \u2028 \\u0001 \\b\\f\\n\\r\\t/"}',
    '[[],{},[{}],"",null,true,false,0,-0]',
    '{"deep":[[[[[[{"a":{"b":{"c":[1,2,{"d":[]}]}}}]]]]]]}',
  ])("hand %s on unchanged", (text) => {
    expect(textOf("echo", { context: text })).toContain(`{"input":${text},`);
  });

  it("read JSON with space and escapes in it", () => {
    const context = ' { "a\\u00e9" : [ 1 , "\\ud83d\\ude00\\/" ] }\n';
    expect(JSON.parse(textOf("echo", { context })).input).toEqual({ aé: [1, "😀/"] });
  });

  it.each(["", "{", '{"a"}', "[1,]", "01", "1.", "tru", '"\\x"', '"\u0001"', "1 2", "-", "[".repeat(200)])(
    "abort over text that is no JSON: %j",
    (context) => {
      expect(() => outcomeOf("echo", { context })).toThrow(/unreachable/);
      expect(component.aborts.at(-1)?.[0]).toMatch(/^Cannot read JSON: /);
    },
  );

  it("calculate with 64-bit integers and doubles", () => {
    const context = '{"numbers":[9223372036854775806,1,-9223372036854775808]}';
    expect(textOf("sum", { context })).toBe('{"whole":-1,"real":0}');
    expect(() => outcomeOf("sum", { context: '{"numbers":[9223372036854775808]}' })).toThrow(/unreachable/);
    expect(component.aborts.at(-1)?.[0]).toBe("Cannot read the number 9223372036854775808 as a 64-bit integer");
  });

  it("read and write doubles as JavaScript does", () => {
    const numbers = [0, 1.5, -2.75, 12.8, 0.1, 1e21, 1.7976931348623157e308, 5e-324, 123456.789, 1e-7, 299.1, 35.6];
    expect(JSON.parse(textOf("parseFloats", { context: JSON.stringify({ numbers }) }))).toEqual(numbers);
  });

  it.each([
    ["nul", "U+0000 in a string"],
    ["loneSurrogate", "a lone surrogate in a string"],
  ])("fail for good where a result cannot be stored: %s", (callable, found) => {
    expect(outcomeOf(callable)).toMatchObject({
      tag: "failure",
      val: {
        message: `Cannot finish the step: its result holds ${found}`,
        errorType: "invalid_result",
        retryable: false,
      },
    });
  });

  it("hand on strings that only look dangerous", () => {
    expect(JSON.parse(textOf("escapes"))).toBe('é 😀 "\\u0000" \\ud800 \u0001 \n');
  });

  it("abort with message, file, line and column where they throw", () => {
    expect(() => outcomeOf("throws")).toThrow(/unreachable/);
    const source = readFileSync(join(FOLDER, "src/index.as.ts"), "utf8").split("\n");
    const line = source.findIndex((text) => text.includes("throw new RangeError")) + 1;
    expect(component.aborts.at(-1)).toEqual(["out of bounds", "src/index.as.ts", line, 3]);
    expect(() => outcomeOf("failsByLibrary")).toThrow(/unreachable/);
    expect(component.aborts.at(-1)?.slice(0, 2)).toEqual(["Index out of range", "~lib/array.ts"]);
  });

  it("fail in every way that a failure can", () => {
    expect(outcomeOf("failure")).toMatchObject({
      val: { message: "failed", errorType: "handler_error", retryable: true },
    });
    expect(outcomeOf("permanent")).toEqual({
      tag: "failure",
      val: {
        message: "never",
        errorType: "validation_error",
        errorCode: "E_GOOD",
        retryable: false,
        statusCode: 422,
        retryAfterMs: undefined,
        context: '{"why":1}',
        attributes: [],
      },
    });
    expect(outcomeOf("retryable")).toMatchObject({
      val: { message: "again\uFFFD", retryAfterMs: 1_500n, errorCode: undefined, statusCode: undefined, context: "{}" },
    });
    expect(outcomeOf("nobody")).toMatchObject({ val: { errorType: "handler_not_found", retryable: false } });
  });

  it("succeed with metadata", () => {
    expect(outcomeOf("withMetadata")).toEqual({
      tag: "success",
      val: { result: '{"done":true}', metadata: '{"rows":3}', attributes: [] },
    });
  });

  it("take time and randomness from the step", () => {
    const first = textOf("clock", { seed: 7n });
    expect(JSON.parse(first).now).toBe(1_764_000_000_000);
    expect(textOf("clock", { seed: 7n })).toBe(first);
    expect(textOf("clock", { seed: 8n })).not.toBe(first);
  });

  it("write to the step's log", () => {
    expect(component.run({ callable: "logs" }).logs).toEqual([
      ["info", "a line", '{"n":1}'],
      ["warn", "from console", ""],
      ["trace", "traced 1.0 2.5", ""],
    ]);
  });

  it("yield checkpoints and find them again", () => {
    expect(outcomeOf("yields")).toEqual({
      tag: "checkpoint-yield",
      val: { cursor: '{"at":25}', itemsProcessed: 25n, accumulated: "[]" },
    });
    const checkpoint = { cursor: '{"at":25}', itemsProcessed: 25n };
    expect(outcomeOf("yields", { checkpoint })).toEqual({
      tag: "checkpoint-yield",
      val: { cursor: '{"at":50}', itemsProcessed: 50n, accumulated: undefined },
    });
  });

  it("may make more garbage than fits at once", () => {
    expect(JSON.parse(textOf("garbage"))).toBe("round 19999 of many");
  });
});
