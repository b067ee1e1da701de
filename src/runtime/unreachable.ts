/** Ends a switch that has handled every case; the compiler objects where it has not. */
export function unreachable(value: never): never {
  throw new TypeError(`no case for ${JSON.stringify(value)}`);
}
