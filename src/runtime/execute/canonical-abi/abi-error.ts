/** The guest broke the canonical ABI: a pointer out of range, bad text, a lie of `cabi_realloc`. `message` is for people. */
export class AbiError extends Error {
  override readonly name = "AbiError";
}

/** A value is larger than what may cross the boundary. */
export class AbiTooLarge extends Error {
  override readonly name = "AbiTooLarge";
  constructor() {
    super("the value is larger than its limit");
  }
}
