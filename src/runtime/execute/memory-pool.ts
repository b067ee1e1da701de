import { PAGE_BYTES } from "../prepare/meter/index.ts";

/** V8 knows no more pages than fit 32 bits of address. */
const MAX_PAGES = 65_536;

/**
 * Bytes of dropped memories that V8 may hold: it does not count them, and without a word it kept so many of them that runs
 * within their own budget took a process over its resident memory, and with it whoever ran there next.
 */
const MAX_DROPPED_BYTES = 268_435_456;

/**
 * Linear memories to use again: a fresh one costs a page fault for every 4 KB touched, a zeroed old one a `fill`.
 * A memory that grew is dropped, as V8 cannot shrink it and the next guest must meet the size that its module declares.
 */
export class MemoryPool {
  readonly #maxIdleBytes: number;
  readonly #collectGarbage: () => void;
  readonly #idle = new Map<string, WebAssembly.Memory[]>();
  #idleBytes = 0;
  #droppedBytes = 0;

  /** `collectGarbage` is called between two runs, when too much was dropped since the last time. */
  constructor(maxIdleBytes: number, collectGarbage: () => void = () => undefined) {
    this.#maxIdleBytes = maxIdleBytes;
    this.#collectGarbage = collectGarbage;
  }

  /** A zeroed memory of `minPages` that can grow to `maxPages`. */
  take(minPages: number, maxPages: number): WebAssembly.Memory {
    // Only here nothing of the run before is reachable any more.
    if (this.#droppedBytes > MAX_DROPPED_BYTES) {
      this.#collectGarbage();
      this.#droppedBytes = 0;
    }
    const maximum = Math.min(MAX_PAGES, Math.max(minPages, maxPages));
    const idle = this.#idle.get(key(minPages, maximum))?.pop();
    if (idle === undefined) return new WebAssembly.Memory({ initial: minPages, maximum });
    this.#idleBytes -= idleBytes(minPages);
    return idle;
  }

  /** Gives a memory back after its instance is gone for good. */
  giveBack(memory: WebAssembly.Memory, minPages: number, maxPages: number): void {
    const bytes = idleBytes(minPages);
    const { byteLength } = memory.buffer;
    if (byteLength !== minPages * PAGE_BYTES || this.#idleBytes + bytes > this.#maxIdleBytes) {
      this.#droppedBytes += byteLength;
      return;
    }
    new Uint8Array(memory.buffer).fill(0);
    const name = key(minPages, Math.min(MAX_PAGES, Math.max(minPages, maxPages)));
    const idle = this.#idle.get(name);
    if (idle === undefined) this.#idle.set(name, [memory]);
    else idle.push(memory);
    this.#idleBytes += bytes;
  }
}

/** What an idle memory counts. One without a page too: V8 reserves as many gigabytes of addresses for it as for any other. */
function idleBytes(minPages: number): number {
  return Math.max(1, minPages) * PAGE_BYTES;
}

function key(minPages: number, maximum: number): string {
  return `${minPages}:${maximum}`;
}
