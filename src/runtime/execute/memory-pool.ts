import { PAGE_BYTES } from "../prepare/meter/index.ts";

/** V8 knows no more pages than fit 32 bits of address. */
const MAX_PAGES = 65_536;

/**
 * Linear memories to use again: a fresh one costs a page fault for every 4 KB touched, a zeroed old one a `fill`.
 * A memory that grew is dropped, as V8 cannot shrink it and the next guest must meet the size that its module declares.
 */
export class MemoryPool {
  readonly #maxIdleBytes: number;
  readonly #idle = new Map<string, WebAssembly.Memory[]>();
  #idleBytes = 0;

  constructor(maxIdleBytes: number) {
    this.#maxIdleBytes = maxIdleBytes;
  }

  /** A zeroed memory of `minPages` that can grow to `maxPages`. */
  take(minPages: number, maxPages: number): WebAssembly.Memory {
    const maximum = Math.min(MAX_PAGES, Math.max(minPages, maxPages));
    const idle = this.#idle.get(key(minPages, maximum))?.pop();
    if (idle === undefined) return new WebAssembly.Memory({ initial: minPages, maximum });
    this.#idleBytes -= minPages * PAGE_BYTES;
    return idle;
  }

  /** Gives a memory back after its instance is gone for good. */
  giveBack(memory: WebAssembly.Memory, minPages: number, maxPages: number): void {
    const bytes = minPages * PAGE_BYTES;
    if (memory.buffer.byteLength !== bytes || this.#idleBytes + bytes > this.#maxIdleBytes) return;
    new Uint8Array(memory.buffer).fill(0);
    const name = key(minPages, Math.min(MAX_PAGES, Math.max(minPages, maxPages)));
    const idle = this.#idle.get(name);
    if (idle === undefined) this.#idle.set(name, [memory]);
    else idle.push(memory);
    this.#idleBytes += bytes;
  }
}

function key(minPages: number, maximum: number): string {
  return `${minPages}:${maximum}`;
}
