import type { OutputStream } from "./cli-context.ts";

/** One line of progress: redrawn in place in a terminal, a line a message where the output goes elsewhere. */
export class ProgressLine {
  readonly #out: OutputStream;
  #shown = false;

  constructor(out: OutputStream) {
    this.#out = out;
  }

  show(message: string): void {
    if (this.#out.isTTY !== true) {
      this.#out.write(`${message}\n`);
      return;
    }
    const width = (this.#out.columns ?? 80) - 1;
    this.#out.write(`\r\u001b[2K${message.slice(0, width)}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#out.write("\r\u001b[2K");
    this.#shown = false;
  }
}
