import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { findBinaries, packagedFolder } from "../../src/host/database/embedded/binaries.ts";

const IS_ROOT = process.geteuid?.() === 0;
const NOBODY = 65_534;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(mode = 0o755): string {
  const path = mkdtempSync("/tmp/tasker-bin-");
  folders.push(path);
  chmodSync(path, mode);
  return path;
}

/** A copy of the platform package as npm unpacks it without install scripts: no symbolic links. */
function packageWithoutLinks(): string {
  const original = packagedFolder();
  const copy = folder();
  cpSync(join(dirname(original), "package.json"), join(copy, "package.json"));
  cpSync(original, join(copy, "native"), { recursive: true, verbatimSymlinks: true });
  const links = z
    .array(z.object({ target: z.string() }))
    .parse(JSON.parse(readFileSync(join(copy, "native", "pg-symlinks.json"), "utf8")));
  for (const { target } of links) rmSync(join(copy, target), { force: true });
  return join(copy, "native");
}

function version(postgres: string): string {
  return execFileSync(postgres, ["--version"], { encoding: "utf8", env: {}, stdio: ["ignore", "pipe", "pipe"] });
}

describe("`findBinaries()`", () => {
  it("finds what npm installed", async () => {
    const { postgres } = await findBinaries(folder());
    expect(version(postgres)).toMatch(/^postgres \(PostgreSQL\) 18\./);
  });

  it("makes the links that npm left out, in place", async () => {
    const native = packageWithoutLinks();
    expect(() => version(join(native, "bin", "postgres"))).toThrow(/shared librar|libicu/);
    const binaries = await findBinaries(folder(), native);
    expect(binaries.folder).toBe(native);
    expect(version(binaries.postgres)).toContain("PostgreSQL");
  });

  it.runIf(IS_ROOT)("copies everything, once, where it may not write the package's folder", () => {
    const native = packageWithoutLinks();
    const cacheDir = folder(0o777);
    const find = (): string =>
      execFileSync(process.execPath, [join(import.meta.dirname, "find-binaries-process.ts"), cacheDir, native], {
        encoding: "utf8",
        uid: NOBODY,
        gid: NOBODY,
        env: {},
      });
    const copied = find();
    expect(dirname(copied)).toBe(cacheDir);
    expect(version(join(copied, "bin", "postgres"))).toContain("PostgreSQL");
    expect(find()).toBe(copied);
    expect(readdirSync(cacheDir)).toHaveLength(1);
  });
});
