/**
 * A number of a JSON document that a double cannot hold: `0.12345678901234567890`, `1e400`. (Integers that a double
 * cannot hold arrive as `bigint` instead.)
 *
 * Written back into a result it is the same digits again. In arithmetic and comparisons it acts as the nearest double,
 * as `Number(value)` does; `typeof` says `"object"`, so that code which cares can tell.
 */
export class ExactNumber {
  /** The digits as they stood in the document. */
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** The nearest double; `Infinity` where there is none. */
  valueOf(): number {
    return Number(this.source);
  }

  toString(): string {
    return this.source;
  }
}
