/**
 * JSON as authors wrote it: numbers that a double would respell (integers beyond 2^53, many digits) keep their text, so that
 * what a fixture expects and what a handler returned are compared as they are spelled.
 */

/** A JSON value; numbers that a double cannot hold exactly are `SpelledNumber`. */
export type ExactValue =
  | null
  | boolean
  | number
  | string
  | SpelledNumber
  | readonly ExactValue[]
  | { readonly [key: string]: ExactValue };

/** A number by its digits. */
export class SpelledNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Parses without altering a number. Throws `SyntaxError`. */
export function parseExactValue(text: string): ExactValue {
  // JSON.parse makes nothing but JSON values; the reviver adds the one class.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text, (_key, value: unknown, { source }) =>
    typeof value === "number" && source !== undefined && isAltered(value, source) ? new SpelledNumber(source) : value,
  ) as ExactValue;
}

/** `1.50` and `1e3` mean the doubles that they become; `9007199254740993` and `0.12345678901234567890` do not. */
function isAltered(value: number, source: string): boolean {
  if (/^-?\d+$/.test(source)) return !Number.isSafeInteger(value);
  const digits = source
    .replace(/[eE].*$/, "")
    .replace(/[^0-9]/g, "")
    .replace(/^0+|0+$/g, "");
  return digits.length > 17;
}

/** Compact JSON text, or indented by two. */
export function exactJson(value: ExactValue, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, member: unknown) => (member instanceof SpelledNumber ? JSON.rawJSON(member.text) : member),
    indent,
  );
}

/** True for an object, false for arrays, null and scalars. */
export function isObject(value: ExactValue | undefined): value is { readonly [key: string]: ExactValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof SpelledNumber);
}
