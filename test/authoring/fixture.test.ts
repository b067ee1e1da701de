import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isTaskerError } from "../../src/core/errors/index.ts";
import { parseFixture } from "../../src/host/authoring/fixture.ts";

function refusalOf(text: string): string {
  try {
    parseFixture("/fixtures/pay.json", text);
  } catch (error) {
    if (isTaskerError(error, "TSK_FIXTURE_INVALID")) return error.message;
    throw error;
  }
  throw new Error("the fixture was accepted");
}

describe("docs/handlers.md", () => {
  const text = readFileSync(new URL("../../docs/handlers.md", import.meta.url), "utf8");
  const section = /^## Fixtures$(.*?)^## /ms.exec(text)?.[1] ?? "";

  it("lists all members of a fixture", () => {
    const accepted = (fixture: string): readonly string[] =>
      /accepted: (.*)\)$/.exec(refusalOf(fixture))?.[1]?.split(", ") ?? [];
    const members = [
      ...accepted('{ "callable": "a", "x": 1 }'),
      ...accepted('{ "callable": "a", "limits": { "x": 1 } }').map((name) => `limits.${name}`),
      ...accepted('{ "callable": "a", "checkpoint": { "cursor": 1, "items_processed": 1, "x": 1 } }').map(
        (name) => `checkpoint.${name}`,
      ),
      ...accepted('{ "callable": "a", "expect": { "x": 1 } }').map((name) => `expect.${name}`),
    ];
    expect(members.length).toBeGreaterThan(35);
    expect(members.filter((name) => !section.includes(`\`${name}\``))).toEqual([]);
  });

  it("shows a fixture that is one", () => {
    const example = /^```json\n(.*?)^```$/ms.exec(section)?.[1] ?? "";
    const { step, expect: expected } = parseFixture("/fixtures/shout.json", example);
    expect(step).toMatchObject({ callable: "greeter.shout", dependencies: [["compose", '{"text":"Hello, Ada"}']] });
    expect(expected?.outcome).toEqual({ outcome: "success", result: { text: "HELLO, ADA" } });
  });

  it("shows the vitest test that `tasker-host new` writes, and that other tests run", () => {
    const template = readFileSync(
      new URL(
        "../../toolchain/templates/common/handlers/__NAMESPACE__/__NAME__/test/__NAME__.test.ts",
        import.meta.url,
      ),
      "utf8",
    );
    const example = /^## Tests in vitest$.*?^```ts\n(.*?)^```$/ms.exec(text)?.[1];
    expect(example).toBe(template.replaceAll("__NAME__", "greeter"));
  });
});

describe("parseFixture()", () => {
  it("needs a callable and gives everything else a value", () => {
    const { name, step, expect: expected } = parseFixture("/fixtures/pay.json", '{ "callable": "pay.charge" }');
    expect(name).toBe("pay");
    expect(step).toEqual({
      callable: "pay.charge",
      contextJson: "{}",
      inputsJson: "{}",
      configJson: "{}",
      dependencies: [],
      method: undefined,
      attempt: 1,
      maxAttempts: 3,
      nowMs: Date.parse("2026-01-01T00:00:00Z"),
      seed: 1,
      checkpoint: undefined,
      limits: { fuel: undefined, memoryBytes: undefined, timeoutMs: undefined },
    });
    expect(expected).toBeUndefined();
  });

  it("passes documents on as they are spelled", () => {
    const { step } = parseFixture("/f.json", '{ "callable": "a", "context": { "id": 9007199254740993, "n": null } }');
    expect(step.contextJson).toBe('{"id":9007199254740993,"n":null}');
  });

  it("expects a success where `expect` names no outcome", () => {
    const fixture = parseFixture("/f.json", '{ "callable": "a", "expect": { "result": 1, "fuel": 10 } }');
    expect(fixture.expect).toEqual({ outcome: { outcome: "success", result: 1 }, fuel: 10, logs: undefined });
  });

  it.each([
    ["no JSON", '{\n  "callable": "a",\n}', "/fixtures/pay.json:3:1"],
    [
      "an unknown member",
      '{\n  "callable": "a",\n  "contxt": {}\n}',
      '/fixtures/pay.json:3:13: unknown member "contxt" at "contxt" (accepted: $schema, description, callable, context, ',
    ],
    [
      "an unknown limit",
      '{ "callable": "a",\n  "limits": { "memory": 1 } }',
      '/fixtures/pay.json:2:25: unknown member "memory" at "limits.memory" (accepted: fuel, memory_bytes, timeout_ms)',
    ],
    [
      "a number for a callable",
      '{\n  "callable": 7\n}',
      '/fixtures/pay.json:2:15: Invalid input: expected string, received number at "callable"',
    ],
    [
      "an attempt of 0",
      '{ "callable": "a",\n  "attempt": 0 }',
      '/fixtures/pay.json:2:14: Too small: expected number to be >=1 at "attempt"',
    ],
    ["an unknown outcome", '{ "callable": "a",\n  "expect": { "outcome": "fine" } }', "/fixtures/pay.json:2:26"],
    [
      "an unknown expectation",
      '{ "callable": "a",\n  "expect": { "resutl": 1 } }',
      'unknown member "resutl" at "expect.resutl"',
    ],
    ["no object", "[]", "/fixtures/pay.json:1:1"],
  ])("refuses %s with its place", (_what, text, message) => {
    expect(refusalOf(text)).toContain(message);
  });
});
