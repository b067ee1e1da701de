/**
 * The life of every long-lived part: `start` once, `stop` awaited, idempotent and safe before `start`.
 * `await using` stops it at the end of a block.
 */
export interface Service extends AsyncDisposable {
  start(): Promise<void>;
  stop(): Promise<void>;
}
