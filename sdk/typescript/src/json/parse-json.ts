import { ExactNumber } from "./exact-number.ts";
import type { JsonValue } from "./json-value.ts";

/**
 * Text that may hold a number which a double cannot: sixteen digits in a row (a point among them or not), or an
 * exponent of three digits. It also matches such digits inside strings; that costs time, not truth.
 */
const MAY_LOSE_DIGITS = /\d[\d.]{15}|\d[eE][+-]?\d{3}/;

/** The third argument of a `JSON.parse` reviver (ECMAScript 2026; QuickJS-ng, SpiderMonkey and V8 have it). */
interface ReviverContext {
  readonly source?: string;
}

/**
 * The value of a JSON document, no digit lost: see `JsonValue` for what long numbers become.
 * Throws `SyntaxError` where `text` is not JSON.
 *
 * The plain `JSON.parse` does the work wherever no number can be at risk: a reviver makes parsing some five times dearer.
 */
export function parseJson(text: string): JsonValue {
  return MAY_LOSE_DIGITS.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

function keepDigits(_key: string, value: JsonValue, context?: ReviverContext): JsonValue {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined) return value;
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) ? value : BigInt(source);
  return decimal(source) === decimal(String(value)) ? value : new ExactNumber(source);
}

/** One spelling for each number: sign, digits without zeros at either end, exponent. Undefined for `Infinity`. */
function decimal(text: string): string | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
