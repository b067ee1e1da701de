import { describe, expect, it } from "vitest";
import { compareSeed } from "./random-module.ts";

/** Each takes binaryen about a third of a second; `npm run fuzz:meter` tries a thousand. */
const SEEDS = 24;
const AT_ONCE = 4;

describe("random valid modules", () => {
  for (let from = 0; from < SEEDS; from += AT_ONCE) {
    const seeds = Array.from({ length: AT_ONCE }, (_, index) => from + index);
    it(`do the same metered as plain, for the same fuel each time (seeds ${seeds.join(", ")})`, () => {
      const failed = seeds.map((seed) => ({ seed, ...compareSeed(seed) })).filter(({ found }) => found !== undefined);
      expect(failed).toEqual([]);
    });
  }
});
