import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Longer than any build of a slow machine; a test that waits in vain then says for what, and what was printed instead. */
const SILENT_MS = 120_000;

/** A Node process that goes on until it is told to end, and what it has printed. */
export class RunningCommand implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = "";
  #ended = false;
  #wake = Promise.withResolvers<void>();

  constructor(args: readonly string[], options: { readonly cwd: string }) {
    // One pipe for both outputs: of two, which was written to first is lost where this process comes late to read them.
    this.#child = spawn("sh", ["-c", 'exec "$0" "$@" 2>&1', process.execPath, ...args], {
      cwd: options.cwd,
      env: { ...process.env, CI: undefined },
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      this.#notify();
    });
    this.#child.on("close", () => {
      this.#ended = true;
      this.#notify();
    });
  }

  /** How much it has printed: where to look on from. */
  get mark(): number {
    return this.#output.length;
  }

  /** The first match in what it prints after `mark`. Rejects where it ends or falls silent without. */
  async printed(pattern: RegExp, mark: number = 0): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output.slice(mark));
      if (match !== null) return match;
      if (this.#ended) throw new Error(`it ended without ${pattern}:\n${this.#output.slice(mark)}`);
      await this.#news(() => new Error(`silent without ${pattern}:\n${this.#output.slice(mark)}`));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGINT");
    await ended;
  }

  /** Until it prints something more or ends. */
  async #news(missing: () => Error): Promise<void> {
    const timer = setTimeout(() => this.#wake.reject(missing()), SILENT_MS);
    await this.#wake.promise.finally(() => clearTimeout(timer));
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
