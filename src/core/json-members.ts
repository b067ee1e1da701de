/**
 * The members of a JSON object as text, unparsed, by key: for documents whose numbers must stay as they are spelled.
 * `text` must be a valid JSON object (from Postgres, or passed by `scanJson`).
 */
export function jsonMembers(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = text.indexOf("{") + 1;
  for (;;) {
    const keyStart = text.indexOf('"', at);
    if (keyStart === -1) return members;
    const keyEnd = stringEnd(text, keyStart);
    const valueStart = text.indexOf(":", keyEnd) + 1;
    const valueEnd = memberEnd(text, valueStart);
    members.set(String(JSON.parse(text.slice(keyStart, keyEnd))), text.slice(valueStart, valueEnd).trim());
    at = valueEnd + 1;
  }
}

/** Index after the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (text.charAt(at) !== '"') at += text.charAt(at) === "\\" ? 2 : 1;
  return at + 1;
}

/** Index of the comma or brace that ends the member whose value begins at `start`. */
function memberEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') at = stringEnd(text, at) - 1;
    else if (char === "{" || char === "[") depth += 1;
    else if (depth === 0 && (char === "," || char === "}")) return at;
    else if (char === "}" || char === "]") depth -= 1;
  }
  return text.length;
}
