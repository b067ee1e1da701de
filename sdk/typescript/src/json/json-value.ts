import type { ExactNumber } from "./exact-number.ts";

/**
 * What a JSON document becomes: plain values, except that numbers which a double cannot hold stay what they are.
 * Integers beyond ±(2^53 − 1) are `bigint`; other inexact numbers are `ExactNumber`.
 */
export type JsonValue = string | number | bigint | boolean | null | ExactNumber | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}
