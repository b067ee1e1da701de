/** Collects bytes in WebAssembly's binary encoding. Grows by doubling. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the space. */
  clear(): void {
    this.#length = 0;
  }

  /** A view of what was written, good until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  raw(...bytes: readonly number[]): void {
    for (const value of bytes) this.byte(value);
  }

  /** Copies `source[from, to)`. */
  copy(source: Uint8Array, from = 0, to = source.length): void {
    const count = to - from;
    this.#reserve(count);
    const target = this.#bytes;
    // Most copies are a few bytes between two edits: a loop beats `set` with its view there.
    if (count < 48) {
      let at = this.#length;
      for (let index = from; index < to; index += 1) {
        target[at] = source[index] ?? 0;
        at += 1;
      }
    } else {
      target.set(source.subarray(from, to), this.#length);
    }
    this.#length += count;
  }

  /** Unsigned LEB128 of 0 … 2^32 − 1. */
  u32(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest = rest < 0x1_0000_0000 ? rest >>> 7 : Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  /** Signed LEB128 of a safe integer. */
  signed(value: number): void {
    let rest = value;
    if ((value | 0) === value) {
      for (;;) {
        const low = rest & 0x7f;
        rest >>= 7;
        if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) {
          this.byte(low);
          return;
        }
        this.byte(low | 0x80);
      }
    }
    for (;;) {
      const low = ((rest % 128) + 128) % 128;
      rest = (rest - low) / 128;
      if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  /** Signed LEB128 of a 64-bit number. */
  s64(value: bigint): void {
    let rest = value;
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  /** A length and the bytes. */
  sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.copy(bytes);
  }

  /** A length-prefixed UTF-8 text. */
  text(value: string): void {
    this.sized(new TextEncoder().encode(value));
  }

  /** A section: id, size, content. Nothing where the content is empty. */
  section(id: number, content: Uint8Array): void {
    if (content.length === 0) return;
    this.byte(id);
    this.sized(content);
  }

  /** What was written, as bytes of its own. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.view());
    this.#bytes = grown;
  }
}
