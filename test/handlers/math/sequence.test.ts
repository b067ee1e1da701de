import { describe, expect, it } from "vitest";
import { average } from "../../../handlers/math/diamond-ts/src/sums.ts";
import { add, divide, multiply, square } from "../../../handlers/math/linear-ts/src/sequence.ts";

describe("the sums of math", () => {
  it.each([
    [6, 69],
    [8, 111],
    [10, 165],
  ])("lead from %i to %i in a row", (start, end) => {
    expect(divide(multiply(add(square(start))))).toBe(end);
  });

  it("`average()` lies between its two", () => {
    expect(average(61, 72)).toBe(66.5);
  });
});
