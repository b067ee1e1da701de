import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { BuildReport, BuildReply } from "@tasker-host/toolchain";
import { installationRoot } from "../installation.ts";
import { loadToolchain, type Toolchain } from "../toolchain.ts";

interface Waiting {
  readonly resolve: (report: BuildReport) => void;
  readonly reject: (error: Error) => void;
}

/** Builds handlers in a process that stays: from the second build on, compilers are warm. Started with the first build. */
export class Builder implements Disposable {
  readonly #toolchain: Toolchain;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #lastId = 0;

  private constructor(toolchain: Toolchain) {
    this.#toolchain = toolchain;
  }

  /** @throws TSK_HOST_TOOLCHAIN_MISSING */
  static async create(): Promise<Builder> {
    return new Builder(await loadToolchain());
  }

  /** Every folder with a handler below `directory`. */
  discover(directory: string): readonly string[] {
    return this.#toolchain.discoverHandlers(directory);
  }

  /** Builds `folder` where its sources changed. Rejects with `BuildError`. */
  build(folder: string): Promise<BuildReport> {
    return this.#ask(folder, false);
  }

  /** Builds what may be up to date, so that the first change does not wait for compilers to load. What is wrong is not said. */
  async warmUp(folder: string): Promise<void> {
    await this.#ask(folder, true).catch(() => undefined);
  }

  #ask(folder: string, force: boolean): Promise<BuildReport> {
    this.#child ??= this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<BuildReport>();
    this.#waiting.set(id, { resolve, reject });
    this.#child.send({ id, folder, force });
    return promise;
  }

  [Symbol.dispose](): void {
    this.#child?.kill();
  }

  #start(): ChildProcess {
    const child = fork(join(installationRoot(), "toolchain/src/build-process.ts"), {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    child.on("message", (reply: BuildReply) => this.#settle(reply));
    child.on("exit", (code, signal) => {
      // An engine that crashed: the next build gets another process.
      this.#child = undefined;
      for (const [id] of this.#waiting) {
        this.#settle({ id, broken: `the build process ended (${signal ?? `exit code ${code}`})` });
      }
    });
    return child;
  }

  #settle(reply: BuildReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("report" in reply) waiting?.resolve(reply.report);
    else if ("refused" in reply) waiting?.reject(new this.#toolchain.BuildError(reply.refused));
    else {
      waiting?.reject(
        new this.#toolchain.BuildError({
          code: "TSK_BUILD_ENGINE",
          attempted: "Cannot build the handler",
          found: reply.broken,
        }),
      );
    }
  }
}
