import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExactNumber } from "@tasker-host/sdk";
import { parseJson } from "../src/json/parse-json.ts";
import { NotJsonError, stringifyJson } from "../src/json/stringify-json.ts";

/** Number tokens of every shape: long, tiny, huge, with zeros in all places. */
const numberText = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.stringMatching(/^(0|[1-9][0-9]{0,30})$/),
    fc.stringMatching(/^(\.[0-9]{1,30})?$/),
    fc.stringMatching(/^([eE][+-]?[0-9]{1,3})?$/),
  )
  .map((parts) => parts.join(""));

/** One spelling for each number, by exact arithmetic. */
function valueOf(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  let digits = BigInt(whole + fraction);
  let power = Number(exponent) - fraction.length;
  while (digits !== 0n && digits % 10n === 0n) {
    digits /= 10n;
    power += 1;
  }
  return digits === 0n ? "0" : `${sign}${digits}e${power}`;
}

describe("`parseJson()` and `stringifyJson()`", () => {
  it("keep every number what it is", () => {
    fc.assert(
      fc.property(numberText, (text) => {
        expect(valueOf(stringifyJson(parseJson(text)))).toBe(valueOf(text));
        expect(stringifyJson(parseJson(`{"n":["${text}"]}`))).toBe(`{"n":["${text}"]}`);
      }),
      { numRuns: 2_000 },
    );
  });

  it("keep every other document what it is", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const text = JSON.stringify(value);
        if (/\\u0000|\\ud[89a-f]/.test(text)) return;
        expect(stringifyJson(parseJson(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it("give integers beyond 2^53 as bigint, other inexact numbers as `ExactNumber`, the rest as number", () => {
    expect(parseJson("[9007199254740991,9007199254740992,-9007199254740993]")).toEqual([
      9_007_199_254_740_991,
      9_007_199_254_740_992n,
      -9_007_199_254_740_993n,
    ]);
    expect(parseJson("[0.1,1e21,0.30000000000000004]")).toEqual([0.1, 1e21, 0.300_000_000_000_000_04]);
    const exact = parseJson("0.12345678901234567890");
    expect(exact).toEqual(new ExactNumber("0.12345678901234567890"));
    expect(new ExactNumber("1e400").toString()).toBe("1e400");
    expect(Number(exact) * 2).toBeCloseTo(0.246_913_578_024_691_35);
  });

  it("refuse text that is no JSON", () => {
    expect(() => parseJson('{"a":')).toThrow(SyntaxError);
    expect(() => parseJson("[12345678901234567890,]")).toThrow(SyntaxError);
  });

  it("refuse values that would be bent or dropped, wherever they stand", () => {
    const cycle: unknown[] = [];
    cycle.push([cycle]);
    for (const value of [
      undefined,
      () => 1,
      Symbol("s"),
      Number.NaN,
      Infinity,
      new Map(),
      new Set(),
      Promise.resolve(),
    ]) {
      expect(() => stringifyJson(value)).toThrow(NotJsonError);
      expect(() => stringifyJson([[value]])).toThrow(NotJsonError);
    }
    expect(() => stringifyJson(cycle)).toThrow("found a cycle");
    expect(() => stringifyJson({ "k\u0000": 1 })).toThrow("found U+0000 in a string");
    expect(() => stringifyJson(["\udc00"])).toThrow("found a lone surrogate");
  });

  it("let `toJSON` speak, and its errors through", () => {
    expect(stringifyJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
    const broken = {
      toJSON: () => {
        throw new RangeError("no");
      },
    };
    expect(() => stringifyJson(broken)).toThrow(RangeError);
  });
});
