import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scanJson } from "../../src/core/json.ts";

const LIMITS = { maxBytes: 1_000_000 };

describe("scanJson()", () => {
  it("passes whatever JSON.stringify makes of plain values, and refuses what JSON.parse refuses", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: "binary" }), (value) => {
        const text = JSON.stringify(value);
        const problem = scanJson(text, LIMITS);
        expect(problem?.code).toBe(text.includes("\\u0000") ? "TSK_JSON_UNSTORABLE" : undefined);
      }),
      { numRuns: 500 },
    );
  });

  it("agrees with JSON.parse on damaged documents", () => {
    const good = '{"a":[1,-2.5e3,true,null,"x\\n\\u00e4"],"b":{"c":[]},"d":""}';
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.constantFrom(...Array.from('{}[],:"\\0x19-+.eE \n')), (at, char) => {
        const text = good.slice(0, at) + char + good.slice(at + 1);
        const problem = scanJson(text, LIMITS);
        expect(problem?.code === "TSK_JSON_MALFORMED").toBe(!parses(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['"\\u0000"', "TSK_JSON_UNSTORABLE"],
    ['"\\ud800"', "TSK_JSON_UNSTORABLE"],
    ['"\\udc00\\ud800"', "TSK_JSON_UNSTORABLE"],
    ['"\ud800"', "TSK_JSON_UNSTORABLE"],
    ['{"a":1,"a":2}', "TSK_JSON_UNSTORABLE"],
    ['{"a":1,"\\u0061":2}', "TSK_JSON_UNSTORABLE"],
    ["[1e131000]", "TSK_JSON_UNSTORABLE"],
    ["1".repeat(1_001), "TSK_JSON_UNSTORABLE"],
    ["", "TSK_JSON_MALFORMED"],
    ["{} {}", "TSK_JSON_MALFORMED"],
    ["01", "TSK_JSON_MALFORMED"],
    ["NaN", "TSK_JSON_MALFORMED"],
    ["'a'", "TSK_JSON_MALFORMED"],
    ['"\\x41"', "TSK_JSON_MALFORMED"],
    ['"\u0001"', "TSK_JSON_MALFORMED"],
    ["[1,]", "TSK_JSON_MALFORMED"],
    ["[".repeat(129) + "]".repeat(129), "TSK_JSON_TOO_LARGE"],
    ["[".repeat(200_000), "TSK_JSON_TOO_LARGE"],
  ])("refuses %j with %s", (text, code) => {
    expect(scanJson(text, LIMITS)?.code).toBe(code);
  });

  it.each([
    "9007199254740993",
    "123456789012345678901234567890",
    '"\\ud83d\\ude00 😀 ü \\u2028"',
    '{"__proto__":1,"constructor":{"a":1},"a":{"a":1}}',
    ' [ 1 , { "a" : [ ] } ] ',
    "[".repeat(128) + "]".repeat(128),
  ])("passes %s", (text) => {
    expect(scanJson(text, LIMITS)).toBeUndefined();
  });

  it("counts UTF-8 bytes, not characters", () => {
    expect(scanJson('"ää"', { maxBytes: 6 })).toBeUndefined();
    expect(scanJson('"ää"', { maxBytes: 5 })?.code).toBe("TSK_JSON_TOO_LARGE");
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
