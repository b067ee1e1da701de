/** `JSON.stringify` for plain values that may hold bigints: they are written out as the integers they are. */
export function jsonTextOf(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(jsonTextOf).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${jsonTextOf(member)}`).join(",")}}`;
}
