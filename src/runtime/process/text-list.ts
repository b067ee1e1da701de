/** Many texts as one byte string: each behind its length. What would be a million JSON strings costs its reader what it holds. */

const LENGTH_BYTES = 4;
const NONE = Buffer.alloc(0);

export function packTexts(texts: readonly string[]): Buffer {
  if (texts.length === 0) return NONE;
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const packed = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + LENGTH_BYTES + size, 0));
  let at = 0;
  texts.forEach((text, index) => {
    packed.writeUInt32LE(sizes[index] ?? 0, at);
    at += LENGTH_BYTES;
    at += packed.write(text, at, "utf8");
  });
  return packed;
}

/** The texts of a list; undefined where the bytes are none. What is not UTF-8 becomes U+FFFD. */
export function unpackTexts(packed: Buffer): readonly string[] | undefined {
  const texts: string[] = [];
  for (let at = 0; at < packed.length;) {
    const start = at + LENGTH_BYTES;
    if (start > packed.length) return undefined;
    at = start + packed.readUInt32LE(at);
    if (at > packed.length) return undefined;
    texts.push(packed.toString("utf8", start, at));
  }
  return texts;
}
