import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Randomness } from "../../../src/runtime/execute/capabilities/randomness.ts";

/** SplitMix64 as it is published, on numbers of 64 bits. */
function* splitMix64(seed: bigint): Generator<bigint, never> {
  let state = BigInt.asUintN(64, seed);
  for (;;) {
    state = BigInt.asUintN(64, state + 0x9e37_79b9_7f4a_7c15n);
    let mixed = BigInt.asUintN(64, (state ^ (state >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * 0x94d0_49bb_1331_11ebn);
    yield mixed ^ (mixed >> 31n);
  }
}

describe("randomness", () => {
  it("is SplitMix64 of the seed, number by number", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (seed) => {
        const [ours, reference] = [new Randomness(seed), splitMix64(seed)];
        for (let draw = 0; draw < 20; draw += 1) expect(ours.u64()).toBe(reference.next().value);
      }),
      { numRuns: 300 },
    );
  });

  it("gives as bytes what it gives as numbers, the lowest byte first, and throws the rest of the last number away", () => {
    const [bytes, numbers] = [new Randomness(7n), new Randomness(7n)];
    const drawn = bytes.bytes(21);
    const whole = Buffer.from(BigUint64Array.from([numbers.u64(), numbers.u64(), numbers.u64()]).buffer);
    expect(Buffer.from(drawn)).toEqual(whole.subarray(0, 21));
    expect(bytes.u64()).toBe(numbers.u64());
  });
});
