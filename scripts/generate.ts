/**
 * `npm run generate` writes every document whose source of truth is in the code; with `--check` it writes nothing and
 * fails where one is stale.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configurationDocument } from "./generate/configuration.ts";
import { errorsDocument } from "./generate/errors.ts";
import { stateTransitionsFunction } from "./generate/state-transitions.ts";
import { statesDocument } from "./generate/states.ts";

const ROOT = join(import.meta.dirname, "..");
const checkOnly = process.argv.includes("--check");
// Files are named relative to the working directory in origins and in what the formatter is told.
process.chdir(ROOT);

const DOCUMENTS = [configurationDocument, errorsDocument, statesDocument, stateTransitionsFunction];

const stale: string[] = [];
for (const { path, text } of DOCUMENTS) {
  const fresh = formatted(path, text());
  if (fresh === current(path)) continue;
  stale.push(path);
  if (!checkOnly) writeFileSync(path, fresh);
}
if (stale.length > 0) {
  process.stdout.write(`${checkOnly ? "stale, run `npm run generate`" : "written"}: ${stale.join(", ")}\n`);
}
if (checkOnly && stale.length > 0) process.exit(1);

/** As `npm run format` would leave it; SQL it leaves alone. */
function formatted(path: string, text: string): string {
  if (path.endsWith(".sql")) return text;
  return execFileSync("oxfmt", ["--stdin-filepath", path], { input: text, encoding: "utf8" });
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
