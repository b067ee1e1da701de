/**
 * Gives the guest its globals. Imported first by the generated entry, so that every other module meets them already:
 * promises that `handle` can drain, a clock and randomness that come with the step, a console that is the step's log.
 *
 * Timers do not exist: nothing may happen after a step returned, and waiting costs a slot of the host. Where the engine
 * brings them (StarlingMonkey) they go, since calling them would end in a trap.
 */
import { logConsole } from "./console.ts";
import { runRandom, runRandomBytes } from "./run-clock.ts";
import { StepPromise } from "./step-promise.ts";
import { Utf8Decoder, Utf8Encoder } from "./text-encoding.ts";
import { virtualDate } from "./virtual-date.ts";

const TIMERS = [
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
] as const;

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

function defineMissing(name: string, value: unknown): void {
  if (!(name in globalThis)) define(name, value);
}

/** The members that handlers and libraries use; all from the run's sequence, so nothing here is secret. */
const crypto = {
  getRandomValues<T extends ArrayBufferView>(array: T): T {
    runRandomBytes(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return array;
  },
  randomUUID(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  },
};

/** The engine's own uses the engine's own promises, which nobody drains. */
async function fromAsync<V, R>(
  items: AsyncIterable<V> | Iterable<V | PromiseLike<V>> | ArrayLike<V | PromiseLike<V>>,
  map: (value: V, index: number) => R | PromiseLike<R>,
): Promise<R[]> {
  const out: R[] = [];
  const source = Symbol.asyncIterator in items || Symbol.iterator in items ? items : Array.from(items);
  for await (const value of source) out.push(await map(value, out.length));
  return out;
}

define("Promise", StepPromise);
define("queueMicrotask", (job: () => void) => void StepPromise.resolve().then(job));
define("Date", virtualDate());
/** Stands still, as `Date.now` does. */
define("performance", { now: () => 0 });
define("console", logConsole());
define("crypto", crypto);
Math.random = runRandom;
Object.defineProperty(Array, "fromAsync", {
  value: (items: Iterable<unknown>, map: (value: unknown, index: number) => unknown = (value) => value) =>
    fromAsync(items, map),
  writable: true,
  configurable: true,
});
defineMissing("TextEncoder", Utf8Encoder);
defineMissing("TextDecoder", Utf8Decoder);
for (const timer of TIMERS) Reflect.deleteProperty(globalThis, timer);
// zod compiles a parser for each object with `new Function` when it first meets one; in an instance that lives for one step that
// costs five times what it gains (measured: 12.9 M against 2.9 M fuel for an order). Other libraries do not know the name.
define("__zod_globalConfig", { jitless: true });
