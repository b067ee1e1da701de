import type { RunLimits } from "../limits.ts";
import type { LogLine, RunPhase } from "../outcome.ts";
import { ENTRY_BYTES, lineBytes } from "../report-size.ts";

/**
 * Why a run has to end although V8 would let it go on. The first one counts: a guest that catches the exception gets no
 * further host call answered, and whatever it returns is not looked at.
 */
export type Stop =
  | {
      readonly kind: "abort";
      readonly message: string;
      readonly file: string;
      readonly line: number;
      readonly column: number;
      /** V8's, with the guest's functions that were under way. */
      readonly stack: string;
    }
  | { readonly kind: "exit"; readonly status: number }
  | { readonly kind: "output-exceeded"; readonly what: "log" | "error" | "host-calls"; readonly limit: number }
  | { readonly kind: "abi"; readonly reason: string }
  | { readonly kind: "stack-exhausted" }
  | { readonly kind: "host-call-failed"; readonly capability: string; readonly message: string };

/**
 * Unwinds the guest where a stop was recorded or the fuel is gone. Carries nothing: the record is what counts. One for all
 * of them, as each new one would take V8 a backtrace.
 */
export const GUEST_STOPPED = new Error("the guest was stopped");

/** What a run has done so far, seen from outside the guest. */
export class RunState {
  readonly limits: RunLimits;
  readonly logs: LogLine[] = [];
  phase: RunPhase = "instantiate";
  readonly #halt: () => void;
  #stop: Stop | undefined;
  #hostCalls = 0;
  #logBytes = 0;

  /** `halt` sees to it that the guest cannot go on for long after a stop, even if it catches what unwinds it. */
  constructor(limits: RunLimits, halt: () => void) {
    this.limits = limits;
    this.#halt = halt;
  }

  get stop(): Stop | undefined {
    return this.#stop;
  }

  /** Records why the run has to end and unwinds the guest. */
  end(stop: Stop): never {
    if (this.#stop === undefined) {
      this.#stop = stop;
      this.#halt();
    }
    throw GUEST_STOPPED;
  }

  /** Every host call begins here. */
  enterHostCall(): void {
    if (this.#stop !== undefined) throw GUEST_STOPPED;
    this.#hostCalls += 1;
    const limit = this.limits.maxHostCalls;
    if (this.#hostCalls > limit) this.end({ kind: "output-exceeded", what: "host-calls", limit });
  }

  /** Bytes that log lines may still take. */
  get logBytesLeft(): number {
    return this.limits.maxLogBytes - this.#logBytes;
  }

  hasRoomFor(messageBytes: number): boolean {
    return this.logBytesLeft >= messageBytes + ENTRY_BYTES;
  }

  log(line: LogLine): void {
    this.#logBytes += lineBytes(line);
    if (this.logBytesLeft < 0) this.logExceeded();
    this.logs.push(line);
  }

  logExceeded(): never {
    return this.end({ kind: "output-exceeded", what: "log", limit: this.limits.maxLogBytes });
  }
}
