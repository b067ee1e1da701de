import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BIN = join(import.meta.dirname, "../../bin/tasker-host.mjs");

/** How a process ended: by itself with a code, or by a signal. */
export interface HostEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A host as a process of its own, as users run it. */
export class HostProcess {
  readonly pid: number;
  readonly startedMs = Date.now();
  /** Its address; resolves to undefined where it ended before it was ready. */
  readonly ready: Promise<string | undefined>;
  readonly ended: Promise<HostEnd>;
  readonly #child: ChildProcess;

  /** `logPath` gets what it says on standard error. */
  constructor(databaseUrl: string, args: readonly string[], logPath: string) {
    const log = openSync(logPath, "a");
    try {
      this.#child = spawn(process.execPath, [BIN, "run", "--json", ...args], {
        cwd: "/",
        env: { ...process.env, TASKER_ENV: "test", DATABASE_URL: databaseUrl },
        stdio: ["ignore", "pipe", log],
      });
    } finally {
      closeSync(log);
    }
    this.pid = this.#child.pid ?? 0;
    this.ended = once(this.#child, "exit").then(() => ({
      code: this.#child.exitCode,
      signal: this.#child.signalCode,
    }));
    this.ready = Promise.race([this.#firstUrl(), this.ended.then(() => undefined)]);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** False where it was gone already. */
  signal(name: NodeJS.Signals): boolean {
    return this.#child.kill(name);
  }

  /** The line that the host prints when it is ready. */
  async #firstUrl(): Promise<string | undefined> {
    const { stdout } = this.#child;
    if (stdout === null) return undefined;
    for await (const line of createInterface({ input: stdout })) {
      const started: unknown = JSON.parse(line);
      const url = typeof started === "object" && started !== null && "url" in started ? started.url : undefined;
      stdout.resume();
      return typeof url === "string" ? url : undefined;
    }
    return undefined;
  }
}
