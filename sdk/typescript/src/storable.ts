/**
 * `text` as the contract carries it and the database can store it: lone surrogates and U+0000 become U+FFFD. Only for messages:
 * results are refused, never altered. Authors of JavaScript may give anything.
 */
export function storable(text: unknown): string {
  return String(text).toWellFormed().replaceAll("\u0000", "\uFFFD");
}
