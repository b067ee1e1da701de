import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { BIN } from "../../support/cli-host.ts";

/** How long a command may say nothing of what it should. */
const PATIENCE_MS = 90_000;

/** A shell in which `tasker-host` is this repository's; what it prints can be awaited. */
export class Terminal implements AsyncDisposable {
  readonly #shell: ChildProcess;
  readonly #readable: (text: string) => string;
  /** What was printed and not yet taken. */
  #printed = "";
  #onPrinted: () => void = () => undefined;
  #commands = 0;

  /** `readable` puts what differs by machine into the words of the page. */
  constructor(cwd: string, env: NodeJS.ProcessEnv, readable: (text: string) => string) {
    this.#readable = readable;
    this.#shell = spawn("bash", ["--norc"], { cwd, env, stdio: ["pipe", "pipe", "ignore"], detached: true });
    this.#shell.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#printed += stripVTControlCharacters(text);
      this.#onPrinted();
    });
    this.#shell.stdin?.write(`exec 2>&1\nset +m\ntasker-host() { '${process.execPath}' '${BIN}' "$@"; }\n`);
  }

  /** Types a command and waits until it has ended; everything that it printed. */
  async run(command: string): Promise<string> {
    this.type(command);
    this.#commands += 1;
    const end = `-- end of command ${this.#commands} --`;
    this.#shell.stdin?.write(`echo '${end}'\n`);
    const all = await this.until(new RegExp(`^([\\s\\S]*?)${end}\\n`));
    return all.slice(0, -end.length - 1);
  }

  /** Types a command that goes on. */
  type(command: string): void {
    this.#shell.stdin?.write(`${command}\n`);
  }

  /** Ctrl-C. */
  interrupt(): void {
    // The shell's group: whatever runs in it.
    if (this.#shell.pid !== undefined) process.kill(-this.#shell.pid, "SIGINT");
  }

  /** Takes what was printed up to the end of the first match. @throws Error with all of it where none comes. */
  async until(pattern: RegExp): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = (): void => {
      const printed = this.#readable(this.#printed);
      const match = pattern.exec(printed);
      if (match === null) return;
      this.#printed = printed.slice(match.index + match[0].length);
      resolve(printed.slice(0, match.index + match[0].length));
    };
    const timer = setTimeout(
      () => reject(new Error(`Not printed: ${pattern}\nPrinted:\n${this.#printed}`)),
      PATIENCE_MS,
    );
    this.#onPrinted = look;
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#onPrinted = () => undefined;
    });
  }

  /** Ends whatever runs, and the shell. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#shell, "exit");
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return;
    this.#shell.stdin?.end("exit\n");
    this.interrupt();
    await ended;
  }
}
