import type { Command } from "commander";
import { printConfig, printConfigJson } from "../config/print-config.ts";
import type { CliContext } from "./cli-context.ts";

/** `tasker-host config print`: the merged configuration and where each value came from. */
export function addConfigCommand(program: Command, context: CliContext): void {
  const config = program.command("config").description("look at the configuration");
  config
    .command("print")
    .description("print the merged configuration with the place each value came from; secrets are hidden")
    .option("--json", "print JSON")
    .action((options: { readonly json?: true }) => {
      const loaded = context.loadConfig();
      context.stdout.write(options.json ? printConfigJson(loaded) : printConfig(loaded));
    });
}
