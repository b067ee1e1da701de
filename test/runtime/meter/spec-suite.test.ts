import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../../..");
/** The official WebAssembly test suite as data, with its runner; not part of the repository. */
const SUITE = process.env["TASKER_SPEC_SUITE"] ?? resolve(ROOT, "../shared/spec-suite");
const present = existsSync(join(SUITE, "spec-runner.mjs"));

/** Files that the runner counts as core although they are memory64, table64 and GC, which are refused by policy. */
const REFUSED_FILES = ["float_memory64.json", "table_copy_mixed.json"];
const REFUSED_FROM = { file: "table_init.json", line: 2272 };

describe("the official WebAssembly test suite", () => {
  let folder = "";
  let scripts = "";

  beforeAll(() => {
    if (!present) return;
    folder = mkdtempSync(join(tmpdir(), "tasker-spec-"));
    execFileSync("tar", ["xzf", join(SUITE, "spec-json.tgz"), "-C", folder]);
    scripts = join(folder, "spec-json");
    for (const file of REFUSED_FILES) rmSync(join(scripts, file));
    cutScript(join(scripts, REFUSED_FROM.file), REFUSED_FROM.line);
  });

  afterAll(() => {
    if (folder !== "") rmSync(folder, { recursive: true, force: true });
  });

  it.skipIf(!present)(
    "has the same outcome metered as plain; what is invalid stays refused",
    { timeout: 240_000 },
    () => {
      const run = spawnSync(
        process.execPath,
        [
          join(SUITE, "spec-runner.mjs"),
          scripts,
          "--transform",
          join(import.meta.dirname, "spec-adapter.ts"),
          "--baseline",
          join(SUITE, "baseline-node26.10.0.json"),
        ],
        { encoding: "utf8" },
      );
      const total = /^total (?<json>.*)$/m.exec(run.stdout)?.groups?.["json"] ?? "{}";
      expect({ exit: run.status, output: run.status === 0 ? "" : run.stdout + run.stderr }).toEqual({
        exit: 0,
        output: "",
      });
      expect(JSON.parse(total)).toMatchObject({ t_diff: 0, t_error: 0 });
      expect(Number(JSON.parse(total).t_same)).toBeGreaterThan(60_000);
    },
  );
});

interface Script {
  readonly commands: readonly { readonly line: number }[];
}

function cutScript(path: string, line: number): void {
  // The suite's own converter wrote the file.
  const script: Script = JSON.parse(readFileSync(path, "utf8"));
  const commands = script.commands.filter((command) => command.line < line);
  writeFileSync(path, JSON.stringify({ ...script, commands }));
}
