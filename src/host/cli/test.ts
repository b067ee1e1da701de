import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { Command } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import { AuthorsSandbox } from "../authoring/sandboxed-handler.ts";
import { buildErrorText } from "./build-error-text.ts";
import type { CliContext } from "./cli-context.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { errorJson, formatDuration, formatError, isBuildError } from "./format.ts";
import { refreshInstallationLinks } from "./new/installation-links.ts";
import { paintFor } from "./paint.ts";
import { handlerLines, handlerJson, summaryLine } from "./test/fixture-lines.ts";
import { testHandler, type HandlerTests } from "./test/test-handler.ts";
import { runVitest, type VitestEnd } from "./test/run-vitest.ts";
import { watchFolder } from "./test/watch-folder.ts";
import { ProgressLine } from "./progress-line.ts";
import { loadToolchain } from "./toolchain.ts";

interface TestOptions {
  readonly watch?: true;
  readonly update?: true;
  readonly json?: true;
  readonly vitest: boolean;
}

/** `tasker-host test [FOLDER]`: every handler's fixtures in the real sandbox, then its vitest tests. */
export function addTestCommand(program: Command, context: CliContext): void {
  program
    .command("test")
    .description("build the handlers in FOLDER and run their fixtures in the sandbox, then their vitest tests")
    .argument("[folder]", "a handler's folder, or one with handlers below it", ".")
    .option("--watch", "run again whenever a file changes, until Ctrl-C")
    .option("--update", "write what came out into fixtures that expected something else, and into fuel snapshots")
    .option("--no-vitest", "run the fixtures only")
    .option("--json", "print one JSON object for each fixture; vitest's tests are left out")
    .action((folder: string, options: TestOptions) => test(resolve(folder), options, context));
}

async function test(folder: string, options: TestOptions, context: CliContext): Promise<void> {
  await using sandbox = new AuthorsSandbox(context.loadConfig().config);
  if (options.watch !== true) {
    const passed = await testOnce(folder, options, sandbox, context);
    context.setExitCode(passed ? EXIT_CODES.done : EXIT_CODES.taskFailed);
    return;
  }
  const changes = watchFolder(folder, { clock: context.clock, signal: context.interrupted });
  for (;;) {
    await testOnce(folder, options, sandbox, context).catch((error: unknown) => {
      context.stderr.write(`${formatError(error)}\n`);
    });
    context.stderr.write(`Watching ${shown(folder)}, Ctrl-C ends\n`);
    const { done, value } = await changes.next();
    if (done === true) return;
    context.stderr.write(`\n${value.files.join(", ")} changed\n`);
  }
}

/** True where everything passed. */
async function testOnce(
  folder: string,
  options: TestOptions,
  sandbox: AuthorsSandbox,
  context: CliContext,
): Promise<boolean> {
  const { clock, stdout, stderr, env } = context;
  const startedMs = clock.monotonicMs();
  const { discoverHandlers } = await loadToolchain();
  const folders = discoverHandlers(folder);
  if (folders.length === 0) {
    throw new TaskerError("TSK_HOST_HANDLERS_NOT_FOUND", {
      attempted: `Cannot test "${shown(folder)}"`,
      found: existsSync(folder) ? "no handler.toml in it or below it" : "no such folder",
      accepted: "a folder with a handler.toml, or one with such folders below it",
    });
  }
  const paint = paintFor(stdout, env);
  const progress = new ProgressLine(stderr);
  await refreshInstallationLinks(folder);
  const tested: HandlerTests[] = [];
  let unbuilt = 0;
  for (const [index, handler] of folders.entries()) {
    const counter = folders.length === 1 ? "" : `[${index + 1}/${folders.length}] `;
    const onProgress = (message: string): void => progress.show(`${counter}${message}`);
    try {
      const result = await testHandler(handler, { sandbox, onProgress, update: options.update === true });
      progress.clear();
      tested.push(result);
      for (const line of options.json ? handlerJson(result) : handlerLines(result, paint)) stdout.write(`${line}\n`);
    } catch (error) {
      progress.clear();
      if (!isBuildError(error)) throw error;
      unbuilt += 1;
      const lines = options.json ? [errorJson(error)] : [...buildErrorText(error, handler, paint), ""];
      for (const line of lines) stdout.write(`${line}\n`);
    }
  }
  // What cannot be built fails its vitest tests too, at greater length.
  const unit = options.json || !options.vitest || unbuilt > 0 ? undefined : await unitTests(folder, options, context);
  if (!options.json) {
    const took = paint("dim", `in ${formatDuration(clock.monotonicMs() - startedMs)}`);
    stdout.write(`${summaryLine({ tested, unbuilt, unit }, paint)}  ${took}\n`);
  }
  return unbuilt === 0 && tested.every(({ failed }) => failed === 0) && unit?.kind !== "failed";
}

/** Runs the vitest tests; what vitest printed is shown where they failed. */
async function unitTests(folder: string, options: TestOptions, context: CliContext): Promise<VitestEnd> {
  const progress = new ProgressLine(context.stderr);
  progress.show("Running vitest tests…");
  const unit = await runVitest(folder, options.update === true, context).finally(() => progress.clear());
  if (unit.kind === "failed") context.stdout.write(`${unit.output}\n\n`);
  return unit;
}

function shown(folder: string): string {
  return relative(process.cwd(), folder) || ".";
}
