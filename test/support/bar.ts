/**
 * Bars of time that the host promises. A stall of the machine is not the host's, so a test that breaks its bar runs again,
 * twice at most: a host that is slow is slow each time. Whatever else fails fails at once.
 */
export const AGAIN_IF_LATE = { retry: { count: 2, condition: /^too late: / } };

/** @throws where it took longer; for tests with `AGAIN_IF_LATE` only. */
export function heldBar(what: string, tookMs: number, barMs: number): void {
  if (tookMs >= barMs) throw new Error(`too late: ${what} took ${tookMs} ms, the bar is ${barMs} ms`);
}
