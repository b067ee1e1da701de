/**
 * Tells V8 that a run is not stopped: code behind a branch that is hinted as not taken moves out of the way. Without
 * hints V8 puts it in line with each check, copies in inlined functions included.
 */
import { ByteWriter } from "./byte-writer.ts";

const SECTION_NAME = "metadata.code.branch_hint";
const NOT_TAKEN = 0;

export class BranchHints {
  readonly #encoded = new ByteWriter();
  #functions = 0;
  #offsets: number[] = [];

  /** The branch instruction that begins at `offset` of the body at hand is not taken. */
  mark(offset: number): void {
    this.#offsets.push(offset);
  }

  /** The body at hand is function `index`. Functions come in the order of their indices, offsets in theirs. */
  endBody(index: number): void {
    if (this.#offsets.length === 0) return;
    this.#functions += 1;
    this.#encoded.u32(index);
    this.#encoded.u32(this.#offsets.length);
    for (const offset of this.#offsets) {
      this.#encoded.u32(offset);
      this.#encoded.raw(1, NOT_TAKEN);
    }
    this.#offsets = [];
  }

  /** The content of the custom section, its name included. */
  encode(): Uint8Array {
    const writer = new ByteWriter(this.#encoded.length + 64);
    if (this.#functions === 0) return writer.view();
    writer.text(SECTION_NAME);
    writer.u32(this.#functions);
    writer.copy(this.#encoded.view());
    return writer.view();
  }
}
