import { ExactNumber } from "./exact-number.ts";

/** A value that has no JSON text of the same meaning. `found` says what it was and under which key. */
export class NotJsonError extends Error {
  override readonly name: string = "NotJsonError";
  readonly found: string;

  constructor(found: string) {
    super(`Cannot turn the value into JSON: found ${found}`);
    this.found = found;
  }
}

/** `JSON.rawJSON` (ECMAScript 2026): text that `JSON.stringify` copies as it stands. */
interface RawJson {
  readonly rawJSON: (text: string) => object;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the engines that the toolchain embeds have it, as has Node 26
const rawJson = (JSON as JSON & RawJson).rawJSON;

/**
 * The JSON text of `value`, no meaning lost on the way: `bigint` and `ExactNumber` become their digits.
 *
 * Object members whose value is `undefined` are left out, as everywhere in JavaScript. Throws `NotJsonError` for what
 * `JSON.stringify` would drop or bend without a word (functions, symbols, `undefined` itself or in an array, NaN,
 * infinities, promises, maps, sets, cycles) and for text that Postgres cannot store (U+0000, lone surrogates).
 */
export function stringifyJson(value: unknown): string {
  if (value === undefined) throw new NotJsonError("undefined");
  const text = textOf(value);
  if (text.includes("\\u")) refuseUnstorableText(text);
  return text;
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value, check);
  } catch (error) {
    if (!(error instanceof NotJsonError) && hasCycle(value, new Set())) throw new NotJsonError("a cycle");
    throw error;
  }
}

function check(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    throw new NotJsonError(`${value}${under(key)}`);
  }
  if (typeof value === "bigint") return rawJson(value.toString());
  if (typeof value === "object") return checkObject(key, value);
  if (value !== undefined) throw new NotJsonError(`a ${typeof value}${under(key)}`);
  if (Array.isArray(this)) throw new NotJsonError(`undefined${under(key)} of an array`);
  return value;
}

function checkObject(key: string, value: object): object {
  if (value instanceof ExactNumber) return rawJson(value.source);
  if (value instanceof Map || value instanceof Set) throw new NotJsonError(`a ${value.constructor.name}${under(key)}`);
  if ("then" in value && typeof value.then === "function") {
    throw new NotJsonError(`a promise${under(key)} (is an await missing?)`);
  }
  return value;
}

function under(key: string): string {
  return key === "" ? "" : ` under the key ${JSON.stringify(key)}`;
}

function hasCycle(value: unknown, above: Set<object>): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (above.has(value)) return true;
  above.add(value);
  const found = Object.values(value).some((member) => hasCycle(member, above));
  above.delete(value);
  return found;
}

/** `JSON.stringify` writes surrogates as escapes only where they are alone. */
function refuseUnstorableText(text: string): void {
  for (const [escape] of text.matchAll(/\\(?:u[0-9a-f]{4}|.)/g)) {
    if (escape === "\\u0000") throw new NotJsonError("U+0000 in a string");
    if (escape.startsWith("\\ud")) throw new NotJsonError(`a lone surrogate (${escape}) in a string`);
  }
}
