import { describe, expect, it } from "vitest";
import { TaskerError } from "../../src/core/errors/index.ts";
import { parseTaskRequest } from "../../src/host/orchestration/parse-task-request.ts";

const LIMITS = { maxBodyBytes: 100_000, maxContextBytes: 1_000 };

/** A request with `members` (JSON text) over the required ones. */
function bodyWith(members: Readonly<Record<string, string>>): string {
  const all = {
    namespace: '"payments"',
    name: '"charge"',
    context: "{}",
    initiator: '"a test"',
    source_system: '"vitest"',
    reason: '"to see"',
    ...members,
  };
  return `{${Object.entries(all)
    .filter(([, text]) => text !== "")
    .map(([key, text]) => `${JSON.stringify(key)}: ${text}`)
    .join(", ")}}`;
}

function refusal(body: string): { code: string; found: string; accepted: string | undefined } {
  try {
    parseTaskRequest(body, LIMITS);
  } catch (error) {
    if (error instanceof TaskerError) return { code: error.code, found: error.found, accepted: error.accepted };
    throw error;
  }
  throw new Error("The request was accepted");
}

describe("parseTaskRequest()", () => {
  it("keeps the context as it is spelled: integers beyond 2^53, trailing zeros, escapes, order", () => {
    const context = '{"b":12345678901234567890, "a" : 1.10,"u":"\\u00e9 é 🎉","1":{"context":"}"}}';
    expect(parseTaskRequest(bodyWith({ context }), LIMITS).context).toBe(context);
  });

  it("fills in what may be left out", () => {
    expect(parseTaskRequest(bodyWith({}), LIMITS)).toEqual({
      namespace: "payments",
      name: "charge",
      version: undefined,
      context: "{}",
      initiator: "a test",
      sourceSystem: "vitest",
      reason: "to see",
      tags: [],
      priority: 0,
      correlationId: undefined,
      parentCorrelationId: undefined,
      idempotencyKey: undefined,
    });
  });

  it("takes everything that Tasker's clients send", () => {
    const request = parseTaskRequest(
      bodyWith({
        version: '"1.0.0"',
        tags: '["red","blue"]',
        requested_at: '"2026-11-23T20:00:00"',
        options: '{"a":1}',
        priority: "-100",
        correlation_id: '"0190f1a0-0000-7000-8000-000000000001"',
        parent_correlation_id: "null",
        idempotency_key: '"order-1"',
      }),
      LIMITS,
    );
    expect(request).toMatchObject({
      version: "1.0.0",
      tags: ["red", "blue"],
      priority: -100,
      correlationId: "0190f1a0-0000-7000-8000-000000000001",
      parentCorrelationId: undefined,
      idempotencyKey: "order-1",
    });
  });

  it.each([
    ["is not JSON", "{", "TSK_JSON_MALFORMED", "the end of the text"],
    ["is empty", "", "TSK_JSON_MALFORMED", "the end of the text"],
    ["is no object", "[1]", "TSK_REQUEST_INVALID", "[1]"],
    ["has U+0000 in the context", bodyWith({ context: '{"a":"\\u0000"}' }), "TSK_JSON_UNSTORABLE", "U+0000"],
    ["has U+0000 in another member", bodyWith({ reason: '"\\u0000"' }), "TSK_JSON_UNSTORABLE", "U+0000"],
    ["has a lone surrogate", bodyWith({ context: '{"a":"\\ud800"}' }), "TSK_JSON_UNSTORABLE", "surrogate"],
    ["has a key twice", bodyWith({ context: '{"a":1,"a":2}' }), "TSK_JSON_UNSTORABLE", "twice"],
    ["has no context", bodyWith({ context: "" }), "TSK_REQUEST_INVALID", 'no member "context"'],
    ["has a context that is text", bodyWith({ context: '"{}"' }), "TSK_REQUEST_INVALID", '"context" is "{}"'],
    ["has a context that is null", bodyWith({ context: "null" }), "TSK_REQUEST_INVALID", '"context" is null'],
    ["has no name", bodyWith({ name: "" }), "TSK_REQUEST_INVALID", 'no member "name"'],
    ["has a name with a path in it", bodyWith({ name: '"../etc"' }), "TSK_REQUEST_INVALID", '"name" is "../etc"'],
    ["has a namespace of 30 letters", bodyWith({ namespace: `"${"n".repeat(30)}"` }), "TSK_REQUEST_INVALID", "nnn"],
    ["has a namespace with a quote", bodyWith({ namespace: '"a\'b"' }), "TSK_REQUEST_INVALID", "a'b"],
    ["has a priority of 101", bodyWith({ priority: "101" }), "TSK_REQUEST_INVALID", '"priority" is 101'],
    ["has a priority of 1.5", bodyWith({ priority: "1.5" }), "TSK_REQUEST_INVALID", '"priority" is 1.5'],
    ["has a reason of 129 characters", bodyWith({ reason: `"${"r".repeat(129)}"` }), "TSK_REQUEST_INVALID", "rrr"],
    ["has a correlation id that is none", bodyWith({ correlation_id: '"42"' }), "TSK_REQUEST_INVALID", '"42"'],
    ["has an unknown member", bodyWith({ contxt: "{}" }), "TSK_REQUEST_INVALID", 'unknown member "contxt"'],
    ["has a member __proto__", bodyWith({ __proto__x: "1", ["__proto__"]: "{}" }), "TSK_REQUEST_INVALID", "unknown"],
  ])("refuses a request that %s", (_, body, code, found) => {
    const refused = refusal(body);
    expect(refused.code).toBe(code);
    expect(refused.found).toContain(found);
  });

  it("refuses a context beyond the limit, and counts bytes rather than characters", () => {
    const fits = bodyWith({ context: `{"a":"${"é".repeat(496)}"}` });
    expect(parseTaskRequest(fits, LIMITS).context).toHaveLength(504);
    expect(refusal(bodyWith({ context: `{"a":"${"é".repeat(497)}"}` }))).toMatchObject({
      code: "TSK_JSON_TOO_LARGE",
      found: "a context of 1002 bytes",
    });
  });

  it("counts 128 code points as the database does, not UTF-16 units", () => {
    expect(parseTaskRequest(bodyWith({ reason: `"${"🎉".repeat(128)}"` }), LIMITS).reason).toHaveLength(256);
  });

  it("says what is accepted", () => {
    expect(refusal(bodyWith({ priority: '"high"' })).accepted).toBe("a whole number from -100 to 100");
    expect(refusal(bodyWith({ tags: '"red"' })).accepted).toContain("an array of at most 100 texts");
    expect(refusal(bodyWith({ version: '"1"' })).accepted).toContain("three numbers with dots");
  });
});
