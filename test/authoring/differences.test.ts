import { describe, expect, it } from "vitest";
import { differencesOf } from "../../src/host/authoring/differences.ts";
import { exactJson, type ExactValue, parseExactValue } from "../../src/host/authoring/exact-values.ts";

function paths(expected: ExactValue, actual: ExactValue): readonly string[] {
  return differencesOf(expected, actual).map(({ path }) => path);
}

describe("differencesOf()", () => {
  it("lets objects have members that were not asked for, at any depth", () => {
    expect(paths({ a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 })).toEqual([]);
  });

  it("names each place that differs, in the order of the expectation", () => {
    const expected = { total: 3, items: [{ sku: "a" }, { sku: "b" }], "odd key": 1 };
    const actual = { total: 4, items: [{ sku: "a" }, { sku: "c" }] };
    expect(paths(expected, actual)).toEqual(["total", "items[1].sku", '["odd key"]']);
  });

  it("says that there is nothing where a member is missing", () => {
    expect(differencesOf({ a: null }, {})).toEqual([{ path: "a", keys: ["a"], expected: null, actual: undefined }]);
  });

  it("takes arrays of another length as a whole", () => {
    expect(paths({ list: [1, 2] }, { list: [1, 2, 3] })).toEqual(["list"]);
  });

  it("tells types apart: 1, true, null, an empty object, an empty array", () => {
    for (const [expected, actual] of [
      [1, "1"],
      [1, true],
      [null, 0],
      [{}, []],
      [[], {}],
    ] as const) {
      expect(paths({ value: expected }, { value: actual })).toEqual(["value"]);
    }
  });

  it("does not read what objects inherit", () => {
    expect(paths({ toString: "x" }, {})).toEqual(["toString"]);
  });

  it("compares integers beyond 2^53 by their digits", () => {
    const one = parseExactValue("9007199254740993");
    expect(paths(one, parseExactValue("9007199254740993"))).toEqual([]);
    expect(paths(one, parseExactValue("9007199254740992"))).toEqual([""]);
  });
});

describe("parseExactValue()", () => {
  it("gives back every number as it was spelled, or as the double that it means", () => {
    const text = '{"id":123456789012345678901,"rate":0.12345678901234567890,"plain":1.5,"list":[1]}';
    expect(exactJson(parseExactValue(text))).toBe(text);
    expect(parseExactValue("[1.50, 1e3]")).toEqual([1.5, 1000]);
  });
});
