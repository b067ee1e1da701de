import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { BuildReport } from "@tasker-host/toolchain";
import type { Clock } from "../../../core/clock.ts";
import { type Fixture, readFixtures } from "../../authoring/fixture.ts";
import { type FixtureRun, runFixture } from "../../authoring/run-fixture.ts";
import type { AuthorsSandbox, SandboxedHandler } from "../../authoring/sandboxed-handler.ts";
import type { Host } from "../../bootstrap/start-host.ts";
import { listHandlers } from "../../database/handler-lists.ts";
import { buildErrorText } from "../build-error-text.ts";
import type { OutputStream } from "../cli-context.ts";
import { formatDuration, formatError, shortDigest } from "../format.ts";
import type { Paint } from "../paint.ts";
import { ProgressLine } from "../progress-line.ts";
import { fixtureLines } from "../test/fixture-lines.ts";
import type { FolderChange } from "../test/watch-folder.ts";
import type { Builder } from "./builder.ts";

export interface LiveHandlersOptions {
  /** The folder of namespaces, absolute. */
  readonly directory: string;
  readonly builder: Builder;
  readonly sandbox: AuthorsSandbox;
  readonly clock: Clock;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly paint: Paint;
}

/** A handler's folder and what became of it last. What is served, the registry knows: others promote and roll back too. */
interface LiveHandler {
  readonly folder: string;
  /** The first folder below the directory. */
  readonly namespace: string;
  /** Of the last good build that was registered; undefined before it. */
  built: BuildReport | undefined;
  tested: SandboxedHandler | undefined;
}

/** What was saved of a handler's folder. */
interface Save {
  /** When the first of the files changed. */
  readonly atMs: number;
  /** Anything of it; false: another handler was saved, and this one may have changed with it. */
  readonly mentioned: boolean;
  /** Something besides its fixtures. */
  readonly sources: boolean;
}

/**
 * The handlers of a folder, served by a host as they are saved. A change is built, registered (from then on new steps run
 * it; steps in flight finish on the digest that they were claimed with) and tried on its fixtures. What cannot be built or is
 * refused leaves the version before it serving.
 */
export class LiveHandlers {
  readonly #options: LiveHandlersOptions;
  readonly #progress: ProgressLine;
  readonly #handlers = new Map<string, LiveHandler>();
  #host: Host | undefined;

  constructor(options: LiveHandlersOptions) {
    this.#options = options;
    this.#progress = new ProgressLine(options.stderr);
  }

  /** Builds what is out of date, before there is a host; what cannot be built is said and left out. */
  async buildAll(): Promise<void> {
    for (const handler of this.#discover()) await this.#build(handler);
  }

  /** Loads the compilers of every language that is there, while the host starts. */
  async warmUp(): Promise<void> {
    const languages = new Map<string, string>();
    for (const { folder } of this.#handlers.values()) {
      const report = await this.#options.builder.build(folder).catch(() => undefined);
      // StarlingMonkey makes other bytes each time; what is served stays what was loaded.
      if (report !== undefined && report.engine !== "starlingmonkey") languages.set(report.engine, folder);
    }
    for (const folder of languages.values()) await this.#options.builder.warmUp(folder);
  }

  /** Tries the handlers that the host has loaded on their fixtures, and sends it what changes from now on. */
  async serveFrom(host: Host): Promise<void> {
    this.#host = host;
    for (const handler of this.#discover()) {
      const report = await this.#build(handler);
      if (report === undefined) continue;
      handler.built = report;
      const { artifact, sourceMap } = await host.registry.load(handler.namespace, report.digest);
      handler.tested = { artifact, sourceMap: sourceMap ?? "" };
      await this.#runFixtures(handler);
    }
  }

  /**
   * Has one component prepared for nobody: the gate's processes then wait for the first save with its code run before, as
   * they do for later ones. The largest component, which has most to gain.
   */
  async warmGate(): Promise<void> {
    const served = Array.from(this.#handlers.values(), ({ built }) => built).filter((report) => report !== undefined);
    const [largest] = served.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
    if (largest !== undefined) await this.#options.sandbox.prepare(largest);
  }

  /** Builds and swaps in whatever the change made different. */
  async take({ files, atMs }: FolderChange): Promise<void> {
    if (files.some((file) => /\.ya?ml$/.test(file))) await this.#reload();
    const all = this.#discover().map((handler) => {
      const own = relative(this.#options.directory, handler.folder) + sep;
      const saved = files.filter((file) => file.startsWith(own)).map((file) => file.slice(own.length));
      const fixtures = saved.filter((file) => file.startsWith(`fixtures${sep}`)).length;
      return { handler, mentioned: saved.length > 0, fixtures: fixtures > 0, sources: saved.length > fixtures };
    });
    // What was saved first: whether the others have changed with it can wait.
    for (const each of all.toSorted((a, b) => Number(b.mentioned) - Number(a.mentioned))) {
      const swapped = await this.#swap(each.handler, { ...each, atMs });
      if (swapped || each.fixtures) await this.#runFixtures(each.handler);
    }
  }

  #discover(): readonly LiveHandler[] {
    const { builder, directory } = this.#options;
    return builder.discover(directory).map((folder) => {
      const known = this.#handlers.get(folder);
      if (known !== undefined) return known;
      const [namespace = ""] = relative(directory, folder).split(sep);
      const handler: LiveHandler = { folder, namespace, built: undefined, tested: undefined };
      this.#handlers.set(folder, handler);
      return handler;
    });
  }

  /** The report, or undefined where it cannot be built, which is said. */
  async #build({ folder }: LiveHandler): Promise<BuildReport | undefined> {
    const { builder, stdout, paint } = this.#options;
    this.#progress.show(`Building ${this.#shown(folder)}…`);
    try {
      return await builder.build(folder);
    } catch (error) {
      this.#progress.clear();
      stdout.write(`${["", ...buildErrorText(error, folder, paint)].join("\n")}\n`);
      return undefined;
    } finally {
      this.#progress.clear();
    }
  }

  /** True where another version serves now. */
  async #swap(handler: LiveHandler, { atMs, mentioned, sources }: Save): Promise<boolean> {
    const { clock, stdout, paint } = this.#options;
    const host = this.#host;
    const report = await this.#build(handler);
    if (report === undefined) {
      const serving = await this.#serving(handler.namespace, handler.built?.name);
      if (serving !== undefined && mentioned)
        stdout.write(`${paint("yellow", "still serving")}  ${shortDigest(serving)}\n`);
      return false;
    }
    // Of a handler that nobody saved, a roll back stays.
    if (host === undefined || (!mentioned && report.digest === handler.built?.digest)) return false;
    const before = await this.#serving(handler.namespace, report.name);
    if (report.digest === before) {
      if (sources) stdout.write(`${paint("green", "unchanged")}  serving ${shortDigest(before)}\n`);
      return false;
    }
    const builtMs = clock.monotonicMs();
    this.#progress.show(`Preparing ${report.name}…`);
    try {
      const bytes = new Uint8Array(await readFile(report.wasmPath));
      const sourceMap = await readFile(report.sourceMapPath, "utf8");
      const { artifact } = await host.registry.register(handler.namespace, bytes, sourceMap, "always");
      handler.tested = { artifact, sourceMap };
      handler.built = report;
    } catch (error) {
      this.#progress.clear();
      stdout.write(`\n${paint("red", formatError(error))}\n`);
      return false;
    }
    const nowMs = clock.monotonicMs();
    this.#progress.clear();
    const from = before === undefined ? "" : `${shortDigest(before)} → `;
    const took = `(built in ${formatDuration(builtMs - atMs)}, prepared in ${formatDuration(nowMs - builtMs)})`;
    stdout.write(
      `\n${paint("green", "swapped")}  ${report.name} ${report.version}  ${from}${shortDigest(report.digest)}  ` +
        `${paint("bold", `in ${formatDuration(nowMs - atMs)}`)} ${paint("dim", took)}\n`,
    );
    return true;
  }

  /** The digest that new steps run; undefined where none is active. */
  async #serving(namespace: string, name: string | undefined): Promise<string | undefined> {
    const host = this.#host;
    if (host === undefined || name === undefined) return undefined;
    const handlers = await listHandlers(host.opened.database, [namespace]);
    return handlers.find((each) => each.name === name)?.active?.digest;
  }

  async #runFixtures({ folder, tested }: LiveHandler): Promise<void> {
    const { sandbox, stdout, paint } = this.#options;
    if (tested === undefined) return;
    const runs: FixtureRun[] = [];
    try {
      const fixtures: readonly Fixture[] = readFixtures(folder);
      for (const fixture of fixtures) {
        this.#progress.show(`Running ${fixture.name}…`);
        runs.push(await runFixture(fixture, tested, sandbox));
      }
    } catch (error) {
      stdout.write(`${formatError(error)}\n`);
    } finally {
      this.#progress.clear();
    }
    for (const line of fixtureLines(runs, folder, [], paint)) stdout.write(`${line}\n`);
  }

  /** Templates are registered with the folder as a whole. */
  async #reload(): Promise<void> {
    const { stdout, paint } = this.#options;
    const loaded = await this.#host?.reload();
    for (const { namespace, name, version, changed, stepCount } of loaded?.templates ?? []) {
      if (changed)
        stdout.write(
          `\n${paint("green", "registered")}  template ${namespace}/${name} ${version}, ${stepCount} steps\n`,
        );
    }
    for (const { path, error } of loaded?.problems ?? []) {
      stdout.write(`\n${paint("red", this.#shown(path))}\n${formatError(error)}\n`);
    }
  }

  #shown(path: string): string {
    return join(relative(process.cwd(), path)) || ".";
  }
}
