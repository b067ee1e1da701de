import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { z } from "zod";
import type { CliContext } from "../cli-context.ts";
import { installationRoot } from "../installation.ts";
import { isTerminal } from "../paint.ts";

/** How the vitest tests of a project ended. */
export type VitestEnd =
  | { readonly kind: "no-tests" | "not-installed" }
  | {
      readonly kind: "passed" | "failed";
      readonly passed: number;
      readonly failed: number;
      /** Snapshots that were written, new ones and changed ones. */
      readonly written: number;
      /** What vitest printed. */
      readonly output: string;
    };

/** Handlers' own tests lie beside their sources; other tests of a repository are none of this command's business. */
const TESTS = "**/test/*.test.ts";

/** The part of vitest's JSON report that is read. */
const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  snapshot: z.object({ added: z.number(), updated: z.number() }),
});

/**
 * Runs the vitest tests below `folder` with the configuration that comes with the host: `@tasker-host/sdk/testing` and
 * vitest itself are found without being installed in the project.
 */
export async function runVitest(folder: string, update: boolean, context: CliContext): Promise<VitestEnd> {
  const exclude = (name: string): boolean => name === "node_modules" || name === "build";
  if (globSync(TESTS, { cwd: folder, exclude }).length === 0) return { kind: "no-tests" };
  const vitest = findVitest(folder);
  if (vitest === undefined) return { kind: "not-installed" };
  const reports = await mkdtemp(join(tmpdir(), "tasker-test-"));
  try {
    const path = join(reports, "report.json");
    const { output, code } = await run(vitest, folder, path, update, context);
    const report = Report.safeParse(await readFile(path, "utf8").then(JSON.parse, () => undefined)).data;
    return {
      kind: code === 0 ? "passed" : "failed",
      passed: report?.numPassedTests ?? 0,
      failed: report?.numFailedTests ?? 0,
      written: (report?.snapshot.added ?? 0) + (report?.snapshot.updated ?? 0),
      output,
    };
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
}

async function run(
  vitest: string,
  folder: string,
  report: string,
  update: boolean,
  { env, interrupted, stdout }: CliContext,
): Promise<{ readonly output: string; readonly code: number | null }> {
  const config = join(installationRoot(), "toolchain/vitest.project.ts");
  const args = [vitest, "run", "--root", folder, "--config", config];
  args.push("--reporter=default", "--reporter=json", `--outputFile.json=${report}`);
  if (update) args.push("--update");
  const { FORCE_COLOR: _force, NO_COLOR: noColor, ...rest } = env;
  const coloured = isTerminal(stdout, env) && (noColor ?? "") === "";
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...rest, NODE_NO_WARNINGS: "1", ...(coloured ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }) },
  });
  const kill = (): void => void child.kill();
  interrupted.addEventListener("abort", kill, { once: true });
  const exit = once(child, "exit");
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  interrupted.removeEventListener("abort", kill);
  // Node's own event: an exit code, or null where a signal ended the process.
  const [code] = (await exit) as [number | null];
  // The report is ours, and gone when its path is read.
  const shown = output.split("\n").filter((line) => !line.includes("JSON report written to"));
  return { output: `${shown.join("\n").trim()}\n${errors.trim()}`.trim(), code };
}

/** vitest's command: the project's own, else the one that came with the host. */
function findVitest(folder: string): string | undefined {
  for (const from of [folder, installationRoot()]) {
    try {
      const path = join(
        dirname(createRequire(join(from, "package.json")).resolve("vitest/package.json")),
        "vitest.mjs",
      );
      if (existsSync(path)) return path;
    } catch {
      // Looked for in the next place.
    }
  }
  return undefined;
}
