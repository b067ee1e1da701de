declare global {
  // ECMAScript 2026 "JSON.parse source text access"; Node 26 has it, the compiler's library does not yet.
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    /** A value that `JSON.stringify` writes as `text`. */
    rawJSON(text: string): object;
  }
}

/** `JSON.parse`, except that a number which a double would respell stays as it is, for `JSON.stringify` to write back. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? JSON.rawJSON(source) : value,
  );
}
