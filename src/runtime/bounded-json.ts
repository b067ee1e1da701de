/**
 * What JSON of hostile origin would cost its reader, found out before it is parsed: `[[],[],…]` takes thirty times its bytes
 * as values.
 */
export interface JsonBounds {
  /** Arrays, objects and commas outside strings: a text has at most one value more, and a key for each. */
  readonly maxValues: number;
  /** Texts and keys, which cost the parser twenty times what numbers do. Default: as many as there are. */
  readonly maxStrings?: number;
  readonly maxDepth: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;

/** What of the text is beyond the bounds; undefined where nothing is. One pass. Whether it is JSON is the parser's business. */
export function jsonExcess(text: Uint8Array, bounds: JsonBounds): string | undefined {
  const { maxValues, maxStrings = Infinity, maxDepth } = bounds;
  let values = 0;
  let strings = 0;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
      continue;
    }
    if (byte === QUOTE) {
      inString = true;
      strings += 1;
      if (strings > maxStrings) return `JSON of more than ${maxStrings} texts and keys`;
    } else if (byte === COMMA) values += 1;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      values += 1;
      depth += 1;
      if (depth > maxDepth) return `JSON nested more than ${maxDepth} deep`;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth -= 1;
    if (values > maxValues) return `JSON of more than ${maxValues} values`;
  }
  return undefined;
}
