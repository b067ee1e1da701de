/**
 * `text` as it may cross to the host, which refuses lone surrogates: they, and U+0000, which no database keeps, become
 * U+FFFD. For messages only; a result that holds them is refused, never altered.
 */
export function wellFormed(text: string): string {
  const length = text.length;
  let copy: string | null = null;
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    if (unit != 0 && (unit < 0xd800 || unit > 0xdfff)) continue;
    if (unit >= 0xd800 && unit <= 0xdbff && at + 1 < length) {
      const next = text.charCodeAt(at + 1);
      if (next >= 0xdc00 && next <= 0xdfff) {
        at++;
        continue;
      }
    }
    if (copy === null) copy = String.UTF16.decodeUnsafe(changetype<usize>(text), length << 1);
    store<u16>(changetype<usize>(copy) + (<usize>at << 1), 0xfffd);
  }
  return copy === null ? text : copy;
}
