import { refuse } from "./refuse.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads WebAssembly's binary encoding out of hostile bytes, never past `end`.
 * Everything that does not fit is `TSK_COMPONENT_MALFORMED` with its offset.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    const value = this.at < this.end ? this.bytes[this.at] : undefined;
    if (value === undefined) this.malformed("the bytes end inside a value");
    this.at += 1;
    return value;
  }

  peek(): number | undefined {
    return this.at < this.end ? this.bytes[this.at] : undefined;
  }

  /** An unsigned LEB128 number of at most 32 bits in at most five bytes. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) this.malformed("a number of more than 32 bits");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return this.malformed("a number of more than five bytes");
  }

  /** A signed LEB128 number of at most 33 bits, as type indices are written. */
  s33(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        const bits = shift + 7;
        return (byte & 0x40) !== 0 ? value - 2 ** bits : value;
      }
    }
    return this.malformed("a type index of more than five bytes");
  }

  /** Passes over a LEB128 number of at most `maxBytes` bytes. */
  skipLeb(maxBytes: number): void {
    for (let length = 0; length < maxBytes; length += 1) {
      if (this.byte() < 0x80) return;
    }
    this.malformed(`a number of more than ${maxBytes} bytes`);
  }

  skip(length: number): void {
    if (length > this.end - this.at) this.malformed(`a size of ${length} bytes where ${this.end - this.at} are left`);
    this.at += length;
  }

  /** The count of a vector whose entries take at least one byte each. */
  count(what: string, max: number): number {
    const count = this.u32();
    if (count > this.end - this.at) this.malformed(`${count} ${what} where ${this.end - this.at} bytes are left`);
    if (count > max) refuse("TSK_COMPONENT_TOO_LARGE", `${count} ${what}`, `at most ${max}`);
    return count;
  }

  /** A reader over the next `length` bytes; this one goes on behind them. */
  part(length: number): ByteReader {
    const start = this.at;
    this.skip(length);
    return new ByteReader(this.bytes, start, this.at);
  }

  /** A length-prefixed UTF-8 text. */
  text(maxBytes: number): string {
    const length = this.u32();
    if (length > this.end - this.at) {
      this.malformed(`a name of ${length} bytes where ${this.end - this.at} are left`);
    }
    if (length > maxBytes) refuse("TSK_COMPONENT_TOO_LARGE", `a name of ${length} bytes`, `at most ${maxBytes}`);
    const start = this.at;
    this.at += length;
    try {
      return decoder.decode(this.bytes.subarray(start, this.at));
    } catch {
      return this.malformed("a name that is not UTF-8");
    }
  }

  malformed(what: string): never {
    return refuse("TSK_COMPONENT_MALFORMED", `${what} (offset ${this.at})`);
  }
}
