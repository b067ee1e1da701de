import type { OutputStream } from "./cli-context.ts";

const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
/** Terminals that know it paint what stands between in one go; others ignore it. */
const BEGIN_UPDATE = "\u001b[?2026h";
const END_UPDATE = "\u001b[?2026l";
const CLEAR_TO_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** Lines of a terminal that are drawn again and again in the same place. */
export class LiveScreen implements Disposable {
  readonly #stream: OutputStream;
  #height = 0;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    stream.write(HIDE_CURSOR);
  }

  /** Columns of the terminal, 80 where it does not say. */
  get width(): number {
    return this.#stream.columns ?? 80;
  }

  /** Rows that can be redrawn: what scrolled off the top cannot, and the cursor stands below the last line. */
  get height(): number {
    return (this.#stream.rows ?? 24) - 1;
  }

  /** Replaces what was drawn before. Lines must not be wider than the terminal. */
  draw(lines: readonly string[]): void {
    const up = this.#height > 0 ? `\u001b[${this.#height}A\r` : "";
    const body = lines.map((line) => `${line}${CLEAR_TO_LINE_END}\n`).join("");
    this.#stream.write(BEGIN_UPDATE + up + body + CLEAR_BELOW + END_UPDATE);
    this.#height = lines.length;
  }

  /** Leaves what is drawn, with the cursor below it. */
  [Symbol.dispose](): void {
    this.#stream.write(SHOW_CURSOR);
  }
}
