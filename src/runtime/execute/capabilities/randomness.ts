/** A number of 64 bits as two of 32, which V8 calculates a dozen times as fast as a BigInt. */
interface Halves {
  readonly high: number;
  readonly low: number;
}

const INCREMENT: Halves = { high: 0x9e37_79b9, low: 0x7f4a_7c15 };
const FIRST_FACTOR: Halves = { high: 0xbf58_476d, low: 0x1ce4_e5b9 };
const SECOND_FACTOR: Halves = { high: 0x94d0_49bb, low: 0x1331_11eb };

/**
 * The numbers that follow from a step's seed (SplitMix64): the same in every run of the same attempt.
 * Not for secrets, and it says so nowhere else: `wasi:random` promises a guest more than a reproducible run can give.
 */
export class Randomness {
  #state: Halves;

  constructor(seed: bigint) {
    this.#state = { high: Number(BigInt.asUintN(32, seed >> 32n)), low: Number(BigInt.asUintN(32, seed)) };
  }

  u64(): bigint {
    const { high, low } = this.#next();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    const words = new Uint32Array(Math.ceil(length / 8) * 2);
    for (let index = 0; index < words.length; index += 2) {
      const { high, low } = this.#next();
      words[index] = low;
      words[index + 1] = high;
    }
    return new Uint8Array(words.buffer, 0, length);
  }

  #next(): Halves {
    this.#state = sum(this.#state, INCREMENT);
    const once = product(folded(this.#state, 30), FIRST_FACTOR);
    return folded(product(folded(once, 27), SECOND_FACTOR), 31);
  }
}

function sum(a: Halves, b: Halves): Halves {
  const low = a.low + b.low;
  return { high: (a.high + b.high + (low > 0xffff_ffff ? 1 : 0)) >>> 0, low: low >>> 0 };
}

/** The number with itself, moved to the right by less than 32 bits. */
function folded({ high, low }: Halves, by: number): Halves {
  return { high: (high ^ (high >>> by)) >>> 0, low: (low ^ ((low >>> by) | (high << (32 - by)))) >>> 0 };
}

/** The lower 64 bits. */
function product(a: Halves, b: Halves): Halves {
  const carried = highOfProduct(a.low, b.low);
  const high = (carried + Math.imul(a.low, b.high) + Math.imul(a.high, b.low)) >>> 0;
  return { high, low: Math.imul(a.low, b.low) >>> 0 };
}

/** The upper 32 bits of a product of two numbers of 32, by halves of 16 so that nothing is beyond a double. */
function highOfProduct(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (cross >>> 16);
}
