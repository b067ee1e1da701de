import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { TaskerError } from "../../core/errors/index.ts";
import type { CliContext } from "./cli-context.ts";
import { formatBytes, formatDuration, shortDigest } from "./format.ts";
import { loadToolchain } from "./toolchain.ts";

interface BuildOptions {
  readonly json?: true;
}

/** `tasker-host build FOLDER`: sources → component, with what came out. */
export function addBuildCommand(program: Command, context: CliContext): void {
  program
    .command("build")
    .description("build the handler in FOLDER (one with a handler.toml), or every handler below it")
    .argument("<folder>", "a handler's folder, or a folder of handlers")
    .option("--json", "print one JSON object for each component")
    .action((folder: string, options: BuildOptions) => build(resolve(folder), options, context));
}

async function build(folder: string, options: BuildOptions, { stdout }: CliContext): Promise<void> {
  const { buildHandler, discoverHandlers } = await loadToolchain();
  const folders = existsSync(`${folder}/handler.toml`) ? [folder] : discoverHandlers(folder);
  if (folders.length === 0) {
    throw new TaskerError("TSK_HOST_HANDLERS_NOT_FOUND", {
      attempted: `Cannot build "${folder}"`,
      found: existsSync(folder) ? "no handler.toml in it or below it" : "no such folder",
      accepted: "a folder with a handler.toml, or one with such folders below it",
    });
  }
  for (const handler of folders) {
    const report = await buildHandler(handler);
    if (options.json) {
      stdout.write(`${JSON.stringify(report)}\n`);
      continue;
    }
    stdout.write(
      `${report.name} ${report.version}  ${shortDigest(report.digest)}  ${formatBytes(report.sizeBytes)}` +
        `  (${report.language}, ${formatDuration(report.durationMs)})\n` +
        `  component  ${report.wasmPath}\n` +
        `  digest     ${report.digest}\n` +
        `  callables  ${report.callables.join(", ")}\n` +
        `  imports    ${report.imports.join(", ")}\n`,
    );
  }
}
