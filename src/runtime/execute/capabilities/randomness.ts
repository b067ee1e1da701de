const MASK = 0xffff_ffff_ffff_ffffn;

/**
 * The numbers that follow from a step's seed (SplitMix64): the same in every run of the same attempt.
 * Not for secrets, and it says so nowhere else: `wasi:random` promises a guest more than a reproducible run can give.
 */
export class Randomness {
  #state: bigint;

  constructor(seed: bigint) {
    this.#state = seed & MASK;
  }

  u64(): bigint {
    this.#state = (this.#state + 0x9e37_79b9_7f4a_7c15n) & MASK;
    let mixed = this.#state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & MASK;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d0_49bb_1331_11ebn) & MASK;
    return mixed ^ (mixed >> 31n);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const words = new BigUint64Array(Math.ceil(length / 8));
    for (let index = 0; index < words.length; index += 1) words[index] = this.u64();
    return new Uint8Array(words.buffer, 0, length);
  }
}
