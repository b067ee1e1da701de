import type { LogLine } from "../../outcome.ts";
import type { RunState } from "../run-state.ts";

type StreamName = "stdout" | "stderr";

const LEVELS: Readonly<Record<StreamName, LogLine["level"]>> = { stdout: "info", stderr: "warn" };
const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/** What a guest writes to its standard streams, cut into lines of the step's log. */
export class Stdio {
  readonly #state: RunState;
  readonly #open: Record<StreamName, Buffer> = { stdout: EMPTY, stderr: EMPTY };

  constructor(state: RunState) {
    this.#state = state;
  }

  write(stream: StreamName, bytes: Uint8Array<ArrayBuffer>): void {
    let rest: Buffer = Buffer.concat([this.#open[stream], bytes]);
    if (rest.length > this.#state.logBytesLeft) this.#state.logExceeded();
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#line(stream, rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    this.#open[stream] = rest;
  }

  /** The last lines, which no newline ended. Call after the run. */
  flush(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = this.#open[stream];
      if (rest.length === 0) continue;
      this.#open[stream] = EMPTY;
      const message = rest.toString("utf8");
      if (this.#state.hasRoomFor(Buffer.byteLength(message))) this.#line(stream, rest);
    }
  }

  #line(stream: StreamName, bytes: Buffer): void {
    this.#state.log({ level: LEVELS[stream], message: bytes.toString("utf8"), fieldsJson: "" });
  }
}
