import { type ExactValue, exactJson, isObject, SpelledNumber } from "./exact-values.ts";

/** One place where what came out is not what was expected. */
export interface Difference {
  /** `result.items[2].sku`; empty for the whole value. */
  readonly path: string;
  /** Keys and indexes of the same place. */
  readonly keys: readonly (string | number)[];
  readonly expected: ExactValue;
  /** Undefined where there is nothing at this place. */
  readonly actual: ExactValue | undefined;
}

/**
 * Where `actual` does not have what `expected` names, first places first. Objects match in part: members that `expected`
 * does not name may be anything. Arrays match item by item and must be of one length; all else must be equal.
 */
export function differencesOf(expected: ExactValue, actual: ExactValue | undefined): readonly Difference[] {
  return compare(expected, actual, []);
}

function compare(
  expected: ExactValue,
  actual: ExactValue | undefined,
  keys: readonly (string | number)[],
): readonly Difference[] {
  if (isObject(expected) && isObject(actual)) {
    return Object.entries(expected).flatMap(([key, value]) =>
      compare(value, Object.hasOwn(actual, key) ? actual[key] : undefined, [...keys, key]),
    );
  }
  if (isArray(expected) && isArray(actual) && expected.length === actual.length) {
    return expected.flatMap((value, index) => compare(value, actual[index], [...keys, index]));
  }
  return same(expected, actual) ? [] : [{ path: pathText(keys), keys, expected, actual }];
}

function same(expected: ExactValue, actual: ExactValue | undefined): boolean {
  if (expected instanceof SpelledNumber) return actual instanceof SpelledNumber && actual.text === expected.text;
  if (typeof expected === "object" && expected !== null) {
    return actual !== undefined && exactJson(expected) === exactJson(actual);
  }
  return expected === actual;
}

function isArray(value: ExactValue | undefined): value is readonly ExactValue[] {
  return Array.isArray(value);
}

function pathText(keys: readonly (string | number)[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
    return path === "" ? key : `${path}.${key}`;
  }, "");
}
