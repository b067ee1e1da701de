import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { keepPreparersReady } from "../../runtime/index.ts";
import { AuthorsSandbox } from "../authoring/sandboxed-handler.ts";
import type { CliContext } from "./cli-context.ts";
import { Builder } from "./dev/builder.ts";
import { LiveHandlers } from "./dev/live-handlers.ts";
import { formatError } from "./format.ts";
import { refreshInstallationLinks } from "./new/installation-links.ts";
import { paintFor } from "./paint.ts";
import { runHost } from "./run.ts";
import { watchFolder } from "./test/watch-folder.ts";

interface DevOptions {
  readonly set: readonly string[];
}

/** `tasker-host dev [FOLDER]`: a host whose handlers are the sources in a folder, as they are saved. */
export function addDevCommand(program: Command, context: CliContext): void {
  program
    .command("dev")
    .description("run a host on the handlers in FOLDER; every saved change is built, swapped in and tested")
    .argument("[folder]", "a project (its handlers/ is taken), or a folder of namespaces", ".")
    .option(
      "--set <key=value>",
      "set a configuration key, for example web.bind_address=127.0.0.1:0",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .action((folder: string, options: DevOptions) => dev(resolve(folder), options, context));
}

async function dev(project: string, options: DevOptions, context: CliContext): Promise<void> {
  const { stdout, stderr, env, clock, interrupted } = context;
  const directory = existsSync(join(project, "handlers")) ? join(project, "handlers") : project;
  await refreshInstallationLinks(project);
  const { config } = context.loadConfig();
  using builder = await Builder.create();
  await using sandbox = new AuthorsSandbox(config);
  const handlers = new LiveHandlers({
    directory,
    builder,
    sandbox,
    clock,
    stdout,
    stderr,
    paint: paintFor(stdout, env),
  });
  await handlers.buildAll();
  const warm = handlers.warmUp();
  // Whatever the environment: a saved source replaces what its version was before.
  const set = ["registry.replace_versions=always", ...options.set];
  await using host = await runHost({ handlers: directory, set }, context);
  // Before the first fixtures run: what is saved meanwhile is not missed.
  const changes = watchFolder(directory, { clock, signal: interrupted });
  await warm;
  using started = new DisposableStack();
  started.use(keepPreparersReady(config.sandbox.prepare));
  await handlers.serveFrom(host);
  stdout.write(
    `Watching ${relative(process.cwd(), directory) || "."}: save a file to build it and swap it in, Ctrl-C ends\n`,
  );
  // Beside the first save, should it come at once; what is refused is said where it is registered.
  void handlers.warmGate().catch(() => undefined);
  for await (const change of changes) {
    await handlers.take(change).catch((error: unknown) => void stderr.write(`${formatError(error)}\n`));
  }
  stderr.write("Stopping: running steps may finish, a second signal ends at once\n");
}
