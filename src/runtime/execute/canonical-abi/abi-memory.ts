import { isUtf8 } from "node:buffer";
import { AbiError, AbiTooLarge } from "./abi-error.ts";

/** The parts of an instance that values cross by. Looked up anew for each run. */
export interface AbiPorts {
  readonly encoding: "utf8" | "utf16";
  readonly memory: WebAssembly.Memory | undefined;
  /** Guest code: metered, may trap, may lie. */
  readonly realloc: ((old: number, oldSize: number, align: number, size: number) => unknown) | undefined;
}

interface Views {
  readonly data: DataView<ArrayBuffer>;
  readonly bytes: Buffer<ArrayBuffer>;
}

const NOTHING: Views = viewsOf(new ArrayBuffer(0));
/** A recycled memory keeps its buffer, and two views of it cost as much as a dozen texts. */
const known = new WeakMap<ArrayBuffer, Views>();

function viewsOf(buffer: ArrayBuffer): Views {
  return { data: new DataView(buffer), bytes: Buffer.from(buffer) };
}

/**
 * Checked access to a guest's memory. Every pointer is held against the memory as it is *now*: a call into the guest
 * may have grown it. What is copied out is counted against a budget, as one text may be pointed at a million times.
 */
export class AbiMemory {
  readonly #ports: AbiPorts;
  /** Bytes that may still be copied out. */
  #budget: number;
  #unpaid = 0;
  #views = NOTHING;

  constructor(ports: AbiPorts, budget: number) {
    this.#ports = ports;
    this.#budget = budget;
  }

  /** Counts `bytes` of a value against the budget. */
  spend(bytes: number): void {
    this.#budget -= bytes;
    if (this.#budget < 0) throw new AbiTooLarge();
    this.#unpaid += bytes;
  }

  /** Counts `bytes` as work of the host, outside the budget: what goes in. */
  count(bytes: number): void {
    this.#unpaid += bytes;
  }

  /** What the host's work is worth since this was last asked: bytes that went either way, values among them. */
  takeUnpaid(): number {
    const unpaid = this.#unpaid;
    this.#unpaid = 0;
    return unpaid;
  }

  /** A view of the memory after checking that `size` bytes at `pointer` are inside and aligned. */
  at(pointer: number, size: number, align: number): DataView<ArrayBuffer> {
    this.#refresh();
    if (pointer % align !== 0) throw new AbiError(`pointer ${pointer} is not aligned to ${align} bytes`);
    this.#inside(pointer, size);
    return this.#views.data;
  }

  /** Asks the guest for `size` bytes and checks what it says. */
  allocate(size: number, align: number): number {
    const { realloc } = this.#ports;
    if (realloc === undefined) throw new AbiError("the component has no cabi_realloc for a value that needs one");
    this.count(size);
    const pointer = toPointer(realloc(0, 0, align, size));
    if (pointer % align !== 0) throw new AbiError(`cabi_realloc returned ${pointer}, not aligned to ${align} bytes`);
    this.#refresh();
    if (pointer + size > this.#views.bytes.length) {
      throw new AbiError(
        `cabi_realloc returned ${size} bytes at ${pointer} of a memory of ${this.#views.bytes.length}`,
      );
    }
    return pointer;
  }

  /** Copies a text out of the guest. `units` counts bytes of UTF-8 or code units of UTF-16. */
  readText(pointer: number, units: number): string {
    const wide = this.#ports.encoding === "utf16";
    const size = wide ? units * 2 : units;
    this.spend(size);
    if (size === 0) return "";
    this.at(pointer, size, wide ? 2 : 1);
    if (wide) {
      const text = this.#views.bytes.toString("utf16le", pointer, pointer + size);
      if (!text.isWellFormed()) throw new AbiError("a text with a lone surrogate");
      return text;
    }
    const bytes = this.#views.bytes.subarray(pointer, pointer + size);
    if (!isUtf8(bytes)) throw new AbiError("a text that is not UTF-8");
    return bytes.toString("utf8");
  }

  /** Copies a text into the guest. A lone surrogate becomes U+FFFD, as the component model demands. */
  writeText(text: string): { readonly pointer: number; readonly units: number } {
    const wide = this.#ports.encoding === "utf16";
    if (text.length === 0) return { pointer: wide ? 2 : 1, units: 0 };
    const formed = wide && !text.isWellFormed() ? text.toWellFormed() : text;
    const size = wide ? formed.length * 2 : Buffer.byteLength(formed);
    const pointer = this.allocate(size, wide ? 2 : 1);
    const written = this.#views.bytes.write(formed, pointer, size, wide ? "utf16le" : "utf8");
    if (written !== size) throw new AbiError(`only ${written} of ${size} bytes of a text fitted`);
    return { pointer, units: wide ? formed.length : size };
  }

  readBytes(pointer: number, size: number): Uint8Array<ArrayBuffer> {
    this.spend(size);
    if (size === 0) return new Uint8Array(0);
    this.at(pointer, size, 1);
    return Uint8Array.from(this.#views.bytes.subarray(pointer, pointer + size));
  }

  writeBytes(bytes: Uint8Array): { readonly pointer: number; readonly units: number } {
    if (bytes.length === 0) return { pointer: 1, units: 0 };
    const pointer = this.allocate(bytes.length, 1);
    this.#views.bytes.set(bytes, pointer);
    return { pointer, units: bytes.length };
  }

  #refresh(): void {
    const { memory } = this.#ports;
    if (memory === undefined) throw new AbiError("the component names no memory for a value that needs one");
    const { buffer } = memory;
    if (buffer === this.#views.data.buffer) return;
    let views = known.get(buffer);
    if (views === undefined) known.set(buffer, (views = viewsOf(buffer)));
    this.#views = views;
  }

  #inside(pointer: number, size: number): void {
    if (pointer + size > this.#views.bytes.length) {
      throw new AbiError(`${size} bytes at ${pointer} of a memory of ${this.#views.bytes.length}`);
    }
  }
}

/** An i32 as V8 hands it over, read as an address. Anything else is a function of another type than it should be. */
export function toPointer(value: unknown): number {
  if (typeof value !== "number") throw new AbiError("a core function returned another type than the component says");
  return value >>> 0;
}
