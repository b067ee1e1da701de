/**
 * Text of guests and other people, made safe for a terminal: results and error messages may hold escape sequences that
 * would move the cursor, recolour the screen or reverse the text.
 */

/** Controls, lone surrogates, line separators, and format characters but the joiners that emoji are made with. */
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** One line without anything that a terminal would obey. Blanks stay blanks, the rest shows as `\u{1b}`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) =>
    /[\t\n\r]/.test(char) ? " " : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const ZERO = /^[\p{Mn}\p{Me}\u200c\u200d]+$/u;

/** Terminal columns of a printable text. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of SEGMENTER.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** At most `width` columns; what was cut off shows as an ellipsis. */
export function truncate(text: string, width: number): string {
  // A grapheme takes a column at least, or is attached to one that does: no need to measure megabytes.
  const head = text.slice(0, width * 8 + 8);
  if (head.length === text.length && displayWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const { segment } of SEGMENTER.segment(head)) {
    used += graphemeWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return width < 1 ? "" : `${kept}…`;
}

/** Filled up with blanks to `width` columns. */
export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

function graphemeWidth(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}
