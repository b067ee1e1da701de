import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonMembers } from "../../src/core/json-members.ts";

describe("jsonMembers()", () => {
  it("gives each member's own spelling", () => {
    const text = '{ "n": 9007199254740993, "s":"a\\"},{" , "o":{"x":[1,{"y":"}"}]},"e" : [ ] ,"":null}';
    expect(Object.fromEntries(jsonMembers(text))).toEqual({
      n: "9007199254740993",
      s: '"a\\"},{"',
      o: '{"x":[1,{"y":"}"}]}',
      e: "[ ]",
      "": "null",
    });
  });

  it("is empty for an empty object", () => {
    expect(jsonMembers(" { } ").size).toBe(0);
  });

  it("agrees with JSON.parse for any object", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 2), (value, indent) => {
        const members = [...jsonMembers(JSON.stringify(value, null, indent))];
        const parsed = Object.fromEntries(members.map(([key, text]) => [key, JSON.parse(text)]));
        expect(parsed).toEqual(JSON.parse(JSON.stringify({ ...value })));
      }),
    );
  });
});
