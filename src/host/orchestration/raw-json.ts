/** JSON text that goes into a document as it is: contexts and results keep their numbers' spelling. */
export class RawJson {
  readonly text: string;

  /** `text` must be valid JSON: from Postgres, or passed by `scanJson`. */
  constructor(text: string) {
    this.text = text;
  }
}

/** Like `JSON.stringify`, with every `RawJson` spliced in verbatim. Members that are undefined are left out. */
export function renderJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(renderJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `${JSON.stringify(key)}:${renderJson(member)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
