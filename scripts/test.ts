/**
 * `npm test`: the checks, then every test, then one closing line in words that any CI reads:
 * `N passed, N failed, N skipped`. Arguments go to vitest and leave the checks out.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

const Summary = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  success: z.boolean(),
});

const filters = process.argv.slice(2);
if (filters.length === 0 && run(process.execPath, ["scripts/check.ts"]) !== 0) {
  process.stdout.write("0 passed, 1 failed\n");
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "tasker-host-test-"));
const report = join(folder, "report.json");
const vitest = "node_modules/vitest/vitest.mjs";
const status = run(process.execPath, [
  vitest,
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
  ...filters,
]);
const summary = readSummary();
rmSync(folder, { recursive: true });
process.stdout.write(
  `${summary.numPassedTests} passed, ${summary.numFailedTests} failed, ${summary.numPendingTests} skipped\n`,
);
process.exit(status === 0 && summary.success ? 0 : 1);

function run(command: string, args: readonly string[]): number {
  return spawnSync(command, args, { stdio: "inherit" }).status ?? 1;
}

/** What vitest counted; a run that died before it could count is one failure. */
function readSummary(): z.infer<typeof Summary> {
  try {
    return Summary.parse(JSON.parse(readFileSync(report, "utf8")));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, success: false };
  }
}
