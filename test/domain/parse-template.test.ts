import { describe, expect, it } from "vitest";
import { isTaskerError, type TaskerError } from "../../src/core/errors/index.ts";
import { parseTemplate, refuseUnknownHandlers, unknownHandlers } from "../../src/host/domain/parse-template.ts";
import { TASKER_RETRY_POLICY } from "../../src/host/domain/template.ts";

const HEAD = "name: orders\nnamespace_name: commerce\nversion: 1.0.0\n";

/** A template whose steps begin on line 5. */
function template(steps: string): string {
  return `${HEAD}steps:\n${steps}`;
}

/** Three lines of a template. */
function step(name: string, dependencies: string): string {
  return `  - name: ${name}\n    dependencies: [${dependencies}]\n    handler: { callable: x }\n`;
}

function refusal(run: () => unknown): TaskerError {
  try {
    run();
  } catch (error) {
    if (isTaskerError(error)) return error;
    throw error;
  }
  throw new Error("the template was accepted");
}

describe("`parseTemplate()`", () => {
  it("reads what Tasker's templates say, and fills in what they leave open", () => {
    const { template: parsed, warnings } = parseTemplate(
      `
name: approval
namespace_name: finance_2
version: 0.1.10
description: Who may say yes
metadata: { author: a, tags: [x] }
lifecycle: { max_duration_minutes: 60, staleness_action: dlq }
steps:
  - name: validate
    description: Checks the request
    handler: { callable: "approval::Validate", method: check, initialization: { threshold: 1000 } }
    retry: { max_attempts: 5, backoff: linear, backoff_base_ms: 250 }
    timeout_seconds: 10
  - name: route
    type: decision
    dependencies: [validate]
    handler: { callable: approval.route }
    retry: { retryable: false }
`,
      "approval.yaml",
    );
    expect(warnings).toEqual([]);
    expect(parsed).toEqual({
      name: "approval",
      namespaceName: "finance_2",
      version: "0.1.10",
      description: "Who may say yes",
      steps: [
        {
          name: "validate",
          description: "Checks the request",
          type: "standard",
          callable: "approval::Validate",
          method: "check",
          dependencies: [],
          retry: { retryable: true, maxAttempts: 5, backoff: "linear", backoffBaseMs: 250, maxBackoffMs: 3_600_000 },
          timeoutSeconds: 10,
        },
        {
          name: "route",
          description: undefined,
          type: "decision",
          callable: "approval.route",
          method: undefined,
          dependencies: ["validate"],
          retry: { ...TASKER_RETRY_POLICY, retryable: false },
          timeoutSeconds: undefined,
        },
      ],
    });
  });

  it("reads `depends_on` and `step_type` as Tasker does", () => {
    const { template: parsed, configurationJson } = parseTemplate(
      template(
        "- { name: a, handler: { callable: x } }\n- { name: b, step_type: batchable, depends_on: [a], handler: { callable: y } }\n",
      ),
      "t.yaml",
    );
    expect(parsed.steps[1]).toMatchObject({ type: "batchable", dependencies: ["a"] });
    expect(JSON.parse(configurationJson)).toMatchObject({ steps: [{}, { type: "batchable", dependencies: ["a"] }] });
  });

  it("keeps integers beyond 2^53 and unknown keys in the configuration", () => {
    const { configurationJson, warnings } = parseTemplate(
      template(
        "- name: a\n  handler: { callable: x, initialization: { big: 123456789012345678901, small: 7 } }\n  retries: 3\n",
      ),
      "t.yaml",
    );
    expect(configurationJson).toContain('"initialization":{"big":123456789012345678901,"small":7}');
    expect(configurationJson).toContain('"retries":3');
    expect(warnings).toEqual(['t.yaml:7: key "steps[0].retries" is unknown and has no effect']);
  });

  it("writes retry policies out, from the defaults that it is given", () => {
    const { configurationJson } = parseTemplate(template("- { name: a, handler: { callable: x } }\n"), "t.yaml", {
      ...TASKER_RETRY_POLICY,
      maxAttempts: 9,
    });
    expect(JSON.parse(configurationJson)).toMatchObject({
      steps: [
        {
          type: "standard",
          dependencies: [],
          retry: {
            retryable: true,
            max_attempts: 9,
            backoff: "exponential",
            backoff_base_ms: 1_000,
            max_backoff_ms: 3_600_000,
          },
        },
      ],
    });
  });
});

describe("`parseTemplate()` refuses, with file, line and key", () => {
  const cases: readonly (readonly [name: string, source: string, code: string, message: RegExp])[] = [
    [
      "broken YAML",
      "name: [a\nversion: 1",
      "TSK_TEMPLATE_SYNTAX",
      /Cannot load template "t\.yaml": .*line 2, column \d+:/s,
    ],
    ["two documents", `${HEAD}---\n${HEAD}`, "TSK_TEMPLATE_SYNTAX", /line \d/],
    ["the same key twice", `${HEAD}name: again\n`, "TSK_TEMPLATE_SYNTAX", /line 4, column 1: Map keys must be unique/],
    ["an empty file", "", "TSK_TEMPLATE_INVALID", /null/],
    ["a list", "- a", "TSK_TEMPLATE_INVALID", /accepted: a map with name, namespace_name/],
    ["no steps", `${HEAD}steps: []\n`, "TSK_TEMPLATE_INVALID", /line 4: steps is \[\] \(accepted: at least one step\)/],
    ["steps left out", HEAD, "TSK_TEMPLATE_INVALID", /steps is missing \(accepted: a list\)/],
    [
      "no callable",
      template("  - name: a\n    handler: {}\n"),
      "TSK_TEMPLATE_INVALID",
      /line 6: steps\[0\]\.handler\.callable is missing \(accepted: 1 to 500 characters/,
    ],
    [
      "a callable with blanks",
      template("  - name: a\n    handler:\n      callable: a b\n"),
      "TSK_TEMPLATE_INVALID",
      /line 7: steps\[0\]\.handler\.callable is "a b"/,
    ],
    [
      "a callable that is too long",
      template(`  - name: a\n    handler: { callable: ${"x".repeat(501)} }\n`),
      "TSK_TEMPLATE_INVALID",
      /is "x{70,}… \(accepted: 1 to 500/,
    ],
    [
      "an attempt count out of range",
      template("  - name: a\n    handler: { callable: x }\n    retry: { max_attempts: 101 }\n"),
      "TSK_TEMPLATE_INVALID",
      /line 7: steps\[0\]\.retry\.max_attempts is 101 \(accepted: a whole number from 1 to 100\)/,
    ],
    [
      "a namespace that names no queue",
      `name: a\nnamespace_name: ${"n".repeat(30)}\nversion: 1.0.0\nsteps:\n${step("a", "")}`,
      "TSK_TEMPLATE_INVALID",
      /line 2: namespace_name is "n{30}" \(accepted: a lower-case letter.*29 characters\)/,
    ],
    [
      "a version that is none",
      `name: a\nnamespace_name: n\nversion: 1.0\nsteps:\n${step("a", "")}`,
      "TSK_TEMPLATE_INVALID",
      /line 3: version is 1 \(accepted: three numbers with dots/,
    ],
    [
      "two steps of one name",
      template(step("a", "") + step("b", "a") + step("a", "b")),
      "TSK_TEMPLATE_DUPLICATE_STEP",
      /line 11: steps\[2\]\.name is "a", which line 5 has already/,
    ],
    [
      "a dependency that no step is called",
      template(step("validate", "") + step("ship", "validte")),
      "TSK_TEMPLATE_UNKNOWN_DEPENDENCY",
      /line 9: steps\[1\]\.dependencies\[0\] is "validte", which no step is called, did you mean "validate"/,
    ],
    [
      "a dependency listed twice",
      template(step("a", "") + step("b", "a, a")),
      "TSK_TEMPLATE_INVALID",
      /line 9: steps\[1\]\.dependencies\[1\] is "a" twice/,
    ],
    [
      "a circle",
      template(step("start", "") + step("a", "start, c") + step("b", "a") + step("c", "b")),
      "TSK_TEMPLATE_CYCLE",
      /is a circle: a → c → b → a/,
    ],
    [
      "a step that waits for itself",
      template(step("a", "a")),
      "TSK_TEMPLATE_CYCLE",
      /line 6: steps\[0\]\.dependencies\[0\] is a circle: a → a/,
    ],
    [
      "a number that JSON does not have",
      template("  - name: a\n    handler: { callable: x, initialization: { share: .nan } }\n"),
      "TSK_TEMPLATE_SYNTAX",
      /line 6, column \d+: the number NaN \(accepted: a value that JSON can hold\)/,
    ],
    [
      "U+0000",
      template('  - name: a\n    handler: { callable: x, initialization: { text: "\\0" } }\n'),
      "TSK_TEMPLATE_INVALID",
      /U\+0000 in a string/,
    ],
    ["a file that is too large", `${HEAD}description: ${"x".repeat(1_048_577)}`, "TSK_TEMPLATE_INVALID", /bytes/],
    ["nesting without end", "[".repeat(100_000), "TSK_TEMPLATE_SYNTAX", /Cannot load template/],
    ["deep nesting", "[".repeat(50_000) + "]".repeat(50_000), "TSK_TEMPLATE_SYNTAX", /Cannot load template/],
    ["deep lists", "- ".repeat(50_000), "TSK_TEMPLATE_SYNTAX", /Cannot load template/],
    [
      "aliases that grow",
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]\n`,
      "TSK_TEMPLATE_SYNTAX",
      /aliases that make at most 100 copies/,
    ],
  ];
  it.each(cases)("%s", (_, source, code, message) => {
    const error = refusal(() => parseTemplate(source, "t.yaml"));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  it("all problems at once", () => {
    const error = refusal(() =>
      parseTemplate("name: A\nversion: x\nsteps:\n  - name: a\n    timeout_seconds: 1.5\n", "t.yaml"),
    );
    expect(error.details["problems"]).toMatchObject([
      { key: "name", line: 1 },
      { key: "namespace_name", line: 1, found: "missing" },
      { key: "version", line: 2 },
      { key: "steps[0].handler", line: 4, found: "missing" },
      { key: "steps[0].timeout_seconds", line: 5, found: "1.5" },
    ]);
  });

  it("an alias key under the name that the file uses", () => {
    const source = template("  - name: a\n    handler: { callable: x }\n    depends_on: [b]\n");
    expect(refusal(() => parseTemplate(source, "t.yaml")).message).toContain("line 7: ");
  });
});

describe("`unknownHandlers()`", () => {
  const parsed = parseTemplate(
    template(
      "  - name: a\n    handler: { callable: math.square }\n  - name: b\n    handler: { callable: math.ad }\n    dependencies: [a]\n",
    ),
    "t.yaml",
  );

  it("names step, line and the nearest callable that somebody serves", () => {
    expect(unknownHandlers(parsed, new Set(["math.square", "math.add"]))).toEqual([
      { step: "b", callable: "math.ad", line: 8, nearest: "math.add" },
    ]);
    const error = refusal(() => refuseUnknownHandlers(parsed, new Set(["math.square", "math.add"])));
    expect(error.code).toBe("TSK_TEMPLATE_UNKNOWN_HANDLER");
    expect(error.message).toBe(
      'Cannot load template "t.yaml": line 8: handler.callable of step "b" is "math.ad", which nobody serves, did you mean "math.add" (accepted: "math.add", "math.square")',
    );
  });

  it("is content where every callable is served", () => {
    expect(unknownHandlers(parsed, new Set(["math.square", "math.ad"]))).toEqual([]);
  });
});
