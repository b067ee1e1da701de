import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExactly } from "../../src/host/cli/exact-json.ts";

describe("parseExactly()", () => {
  it("writes numbers back as they were spelled", () => {
    const text = '{"big":12345678901234567890,"fraction":0.1000,"exponent":1E400,"minus":-0,"plain":[1,2.5]}';
    expect(JSON.stringify(parseExactly(text))).toBe(text);
  });

  it("gives plain numbers where a double is the same", () => {
    expect(parseExactly('{"attempts":2,"share":0.5}')).toEqual({ attempts: 2, share: 0.5 });
  });

  it("agrees with JSON.parse() on what JSON.stringify() writes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parseExactly(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });
});
