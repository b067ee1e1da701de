import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { BIN } from "../../support/cli-host.ts";

/** A command that goes on until it is told to end, and what it has printed. */
export class RunningCommand implements AsyncDisposable {
  readonly #child: ChildProcess;
  #output = "";
  #ended = false;
  #wake = Promise.withResolvers<void>();

  constructor(args: readonly string[], options: { readonly cwd: string }) {
    this.#child = spawn(process.execPath, [BIN, ...args], {
      cwd: options.cwd,
      env: { ...process.env, CI: undefined },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#notify();
      });
    }
    this.#child.on("close", () => {
      this.#ended = true;
      this.#notify();
    });
  }

  /** How much it has printed: where to look on from. */
  get mark(): number {
    return this.#output.length;
  }

  /** The first match in what it prints after `mark`. Rejects where it ends without. */
  async printed(pattern: RegExp, mark: number = 0): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output.slice(mark));
      if (match !== null) return match;
      if (this.#ended) throw new Error(`it ended without ${pattern}:\n${this.#output.slice(mark)}`);
      await this.#wake.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGINT");
    await ended;
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}
