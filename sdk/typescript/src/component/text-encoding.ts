/** UTF-8 `TextEncoder` and `TextDecoder` for engines that have none (QuickJS). */

/** The encoder of the web platform, `encode` only. */
export class Utf8Encoder {
  readonly encoding = "utf-8";

  encode(text = ""): Uint8Array {
    // A lone surrogate becomes U+FFFD, as the platform does; encodeURIComponent would throw.
    const escaped = encodeURIComponent(text.toWellFormed());
    const bytes = new Uint8Array(escaped.length);
    let length = 0;
    for (let at = 0; at < escaped.length; at += 1) {
      const percent = escaped.charCodeAt(at) === 0x25;
      bytes[length] = percent ? Number.parseInt(escaped.slice(at + 1, at + 3), 16) : escaped.charCodeAt(at);
      if (percent) at += 2;
      length += 1;
    }
    return bytes.slice(0, length);
  }
}

/** The decoder of the web platform for UTF-8, whole documents only (no streaming). */
export class Utf8Decoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;

  constructor(label = "utf-8", options: { readonly fatal?: boolean } = {}) {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`Cannot decode "${label}": accepted is "utf-8"`);
    this.fatal = options.fatal ?? false;
  }

  decode(input: ArrayBufferView | ArrayBuffer = new Uint8Array()): string {
    const bytes = ArrayBuffer.isView(input)
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : new Uint8Array(input);
    const units: number[] = [];
    let text = "";
    for (let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0; at < bytes.length;) {
      const { point, length } = codePoint(bytes, at);
      if (point === undefined && this.fatal) throw new TypeError(`Cannot decode byte ${at}: it is not UTF-8`);
      units.push(point ?? 0xfffd);
      at += length;
      if (units.length === 4_096) text += String.fromCodePoint(...units.splice(0));
    }
    return text + String.fromCodePoint(...units);
  }
}

/** The code point that starts at `at`; undefined with the number of bytes to skip where there is none. */
function codePoint(bytes: Uint8Array, at: number): { point: number | undefined; length: number } {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return { point: first, length: 1 };
  const follow =
    first >= 0xf0 && first <= 0xf4 ? 3 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xc2 && first < 0xe0 ? 1 : 0;
  if (follow === 0) return { point: undefined, length: 1 };
  let point = first & (0x3f >> follow);
  for (let index = 1; index <= follow; index += 1) {
    const next = bytes[at + index] ?? 0;
    const [low, high] = index === 1 ? secondByteRange(first) : [0x80, 0xbf];
    if (next < low || next > high) return { point: undefined, length: index };
    point = (point << 6) | (next & 0x3f);
  }
  return { point, length: follow + 1 };
}

/** Excludes overlong forms, surrogates and what lies beyond U+10FFFF. */
function secondByteRange(first: number): readonly [number, number] {
  switch (first) {
    case 0xe0:
      return [0xa0, 0xbf];
    case 0xed:
      return [0x80, 0x9f];
    case 0xf0:
      return [0x90, 0xbf];
    case 0xf4:
      return [0x80, 0x8f];
    default:
      return [0x80, 0xbf];
  }
}
