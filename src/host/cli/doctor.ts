import type { Command } from "commander";
import { wallsInForce } from "../../runtime/index.ts";
import type { CliContext } from "./cli-context.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { paintFor } from "./paint.ts";

/** `tasker-host doctor`: the walls around sandbox processes on this machine, for this user. */
export function addDoctorCommand(program: Command, context: CliContext): void {
  program
    .command("doctor")
    .description(
      "show which walls stand around sandbox processes here; exit code 2 if one that sandbox.require names does not",
    )
    .option("--json", "print JSON")
    .action((options: { readonly json?: true }) => doctor(options, context));
}

async function doctor(options: { readonly json?: true }, context: CliContext): Promise<void> {
  const { stdout, env } = context;
  const required = new Set(context.loadConfig().config.sandbox.require);
  const walls = (await wallsInForce()).map((wall) => ({ ...wall, required: required.has(wall.name) }));
  if (walls.some((wall) => wall.required && !wall.inForce)) context.setExitCode(EXIT_CODES.usage);
  if (options.json) {
    stdout.write(
      `${JSON.stringify({ node: process.versions.node, walls: walls.map(({ inForce, ...wall }) => ({ ...wall, in_force: inForce })) })}\n`,
    );
    return;
  }
  const paint = paintFor(stdout, env);
  stdout.write(
    `Node ${process.versions.node}, ${process.platform}-${process.arch}, uid ${process.geteuid?.() ?? "unknown"}\n`,
  );
  for (const { name, inForce, reason, required: needed } of walls) {
    const mark = inForce ? paint("green", "✔") : paint(needed ? "red" : "yellow", "✘");
    stdout.write(` ${mark} ${name.padEnd(20)}${reason}${needed ? paint("bold", "  (required)") : ""}\n`);
  }
}
