/** Text being written: UTF-16 units in a buffer that doubles, so that a long document is not copied at every piece. */
export class TextBuffer {
  private buffer: ArrayBuffer = new ArrayBuffer(256);
  /** In bytes. */
  private size: i32 = 0;
  /** What in the text no database keeps; empty where all is well. */
  problem: string = "";

  unit(unit: u16): void {
    this.reserve(2);
    store<u16>(changetype<usize>(this.buffer) + <usize>this.size, unit);
    this.size += 2;
  }

  text(text: string): void {
    this.range(text, 0, text.length);
  }

  /** `text` as a JSON string. */
  quoted(text: string): void {
    const start = changetype<usize>(text);
    const length = text.length;
    this.unit(0x22);
    let from = 0;
    for (let at = 0; at < length; at++) {
      const unit = load<u16>(start + (<usize>at << 1));
      if (unit >= 0x20 && unit != 0x22 && unit != 0x5c && (unit < 0xd800 || unit > 0xdfff)) continue;
      if (unit >= 0xd800 && unit <= 0xdfff) {
        const next: u16 = at + 1 < length ? load<u16>(start + (<usize>(at + 1) << 1)) : 0;
        if (unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
          at++;
          continue;
        }
        this.problem = "a lone surrogate in a string";
      }
      this.range(text, from, at);
      this.escape(unit);
      from = at + 1;
    }
    this.range(text, from, length);
    this.unit(0x22);
  }

  toString(): string {
    return String.UTF16.decodeUnsafe(changetype<usize>(this.buffer), this.size);
  }

  private escape(unit: u16): void {
    this.unit(0x5c);
    switch (unit) {
      case 0x22:
      case 0x5c:
        this.unit(unit);
        break;
      case 0x08:
        this.unit(0x62);
        break;
      case 0x09:
        this.unit(0x74);
        break;
      case 0x0a:
        this.unit(0x6e);
        break;
      case 0x0c:
        this.unit(0x66);
        break;
      case 0x0d:
        this.unit(0x72);
        break;
      default:
        if (unit == 0) this.problem = "U+0000 in a string";
        this.unit(0x75);
        for (let shift = 12; shift >= 0; shift -= 4) this.unit(hexDigit((unit >> <u16>shift) & 15));
    }
  }

  private range(text: string, from: i32, to: i32): void {
    const bytes = (to - from) << 1;
    if (bytes <= 0) return;
    this.reserve(bytes);
    memory.copy(
      changetype<usize>(this.buffer) + <usize>this.size,
      changetype<usize>(text) + (<usize>from << 1),
      <usize>bytes,
    );
    this.size += bytes;
  }

  private reserve(bytes: i32): void {
    const needed = this.size + bytes;
    if (needed <= this.buffer.byteLength) return;
    const larger = new ArrayBuffer(max(needed, this.buffer.byteLength << 1));
    memory.copy(changetype<usize>(larger), changetype<usize>(this.buffer), <usize>this.size);
    this.buffer = larger;
  }
}

function hexDigit(value: u16): u16 {
  return value < 10 ? 0x30 + value : 0x57 + value;
}
