/** `npm run check`: format, lint, types, generated files fresh, dead code, architecture. Stops at nothing, fails at the end. */
import { spawnSync } from "node:child_process";

const CHECKS: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
  ["format", "oxfmt", ["--check", "."]],
  ["lint", "oxlint", ["--type-aware", "--deny-warnings", "."]],
  ["types", "tsc", ["-p", "."]],
  ["types of the SDK", "tsc", ["-p", "sdk/typescript"]],
  ["types of the handlers", "tsc", ["-p", "handlers"]],
  ["generated files", process.execPath, ["scripts/generate.ts", "--check"]],
  ["dead code", "knip", []],
  ["architecture", "vitest", ["run", "test/architecture", "--reporter=dot"]],
];

const failed: string[] = [];
for (const [name, command, args] of CHECKS) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  process.stdout.write(`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)\n`);
  if (status === 0) continue;
  failed.push(name);
  process.stdout.write(`${stdout}${stderr}\n`);
}
if (failed.length > 0) {
  process.stdout.write(`check: ${failed.length} failed: ${failed.join(", ")}\n`);
  process.exit(1);
}
process.stdout.write("check: all passed\n");
