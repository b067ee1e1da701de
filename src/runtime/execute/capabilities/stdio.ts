import type { LogLine } from "../../outcome.ts";
import { FUEL_SCHEDULE } from "../../prepare/meter/index.ts";
import type { MeterState } from "../meter-state.ts";
import type { RunState } from "../run-state.ts";

type StreamName = "stdout" | "stderr";

const LEVELS: Readonly<Record<StreamName, LogLine["level"]>> = { stdout: "info", stderr: "warn" };
const NEWLINE = 0x0a;

/** What a guest writes to its standard streams, cut into lines of the step's log. */
export class Stdio {
  readonly #state: RunState;
  readonly #meter: Pick<MeterState, "charge">;
  readonly #open: Record<StreamName, OpenLine> = { stdout: new OpenLine(), stderr: new OpenLine() };

  constructor(state: RunState, meter: Pick<MeterState, "charge">) {
    this.#state = state;
    this.#meter = meter;
  }

  write(stream: StreamName, contents: Uint8Array<ArrayBuffer>): void {
    if (contents.length === 0) return;
    const open = this.#open[stream];
    if (open.length + contents.length > this.#state.logBytesLeft) this.#state.logExceeded();
    let rest = Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#meter.charge(FUEL_SCHEDULE.logLine);
      open.add(rest.subarray(0, end));
      this.#log(stream, open.take());
      rest = rest.subarray(end + 1);
    }
    open.add(rest);
  }

  /** The last lines, which no newline ended. Call after the run. */
  flush(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#open[stream].length === 0) continue;
      const message = this.#open[stream].take();
      if (this.#state.hasRoomFor(Buffer.byteLength(message))) this.#log(stream, message);
    }
  }

  #log(stream: StreamName, message: string): void {
    this.#state.log({ level: LEVELS[stream], message, fieldsJson: "" });
  }
}

/** A line that no newline has ended yet. Each byte is looked at once, however many writes it came by. */
class OpenLine {
  #bytes = Buffer.alloc(0);
  length = 0;

  add(more: Buffer): void {
    const length = this.length + more.length;
    if (length > this.#bytes.length) {
      const grown = Buffer.alloc(length * 2);
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    more.copy(this.#bytes, this.length);
    this.length = length;
  }

  /** The text of the line; the next one begins empty. */
  take(): string {
    const text = this.#bytes.toString("utf8", 0, this.length);
    this.length = 0;
    return text;
  }
}
