/**
 * The code that children run, copied to where they may read it.
 *
 * A child has another uid and may read nothing but its own code, while a repository can lie under a directory that only
 * its owner enters. So each host process copies the runtime (types stripped, which also spares the child the stripper)
 * and the few packages that it needs into a directory of its own, and removes it when it ends.
 * Beside the copy lies the private root in which children see it, where this machine can give them one.
 */
import { createHash } from "node:crypto";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { rmSync } from "node:fs";
import { findPackageJSON, stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { layPrivateRoot, type PrivateRoot } from "./private-root.ts";

/** The kinds of child process, each with the packages that it loads. */
export type ChildKind = "sandbox" | "translate" | "prepare";

const SOURCE_ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OWN_EXTENSION = extname(import.meta.url);
const FOLDERS = ["runtime", "core"];
/** Of every directory of a host, followed by its pid: what killed hosts left is removed by it. */
export const HOME_PREFIX = "tasker-host-code-";

const ENTRIES: Readonly<Record<ChildKind, string>> = {
  sandbox: "runtime/execute/sandbox-process.js",
  translate: "runtime/translate/translate-process.js",
  prepare: "runtime/prepare/prepare-process.js",
};
/** Packages, and the parts of each that are read. All of it where no part is named. */
const BASE_PACKAGES: readonly Package[] = [
  { name: "@jridgewell/trace-mapping" },
  { name: "@jridgewell/sourcemap-codec" },
  { name: "@jridgewell/resolve-uri" },
];
const TRANSLATE_PACKAGES: readonly Package[] = [
  { name: "@bytecodealliance/jco-transpile", parts: ["vendor"] },
  { name: "@bytecodealliance/preview2-shim", parts: ["dist/browser", "dist/common"] },
];

interface Package {
  readonly name: string;
  readonly parts?: readonly string[];
}

/** Where a child's code is. */
export interface ChildCode {
  readonly entry: string;
  /** All that the child may read. */
  readonly directory: string;
  /** Undefined where the machine lacks a command for it. */
  readonly root: PrivateRoot | undefined;
}

interface Snapshot {
  /** What the code and the root lie in. */
  readonly home: string;
  readonly directory: string;
  readonly root: PrivateRoot | undefined;
  /** How many entries `home` had when it was made: a cleaner of old files takes them one by one. */
  readonly entries: number;
  /** SHA-256 of each file of the code, by path. */
  readonly digests: ReadonlyMap<string, string>;
}

const snapshots = new Map<"base" | "with-translator", Promise<Snapshot>>();

/**
 * The code of a kind of child, copied on first use and again where something has taken parts of it away. `verified`: every
 * file is read again and held against what was copied, which children that have the uid of its owner could change.
 */
export async function childCode(kind: ChildKind, { verified = false } = {}): Promise<ChildCode> {
  const { directory, root } = await snapshot(kind === "translate" ? "with-translator" : "base", verified);
  return { entry: join(directory, ENTRIES[kind]), directory, root };
}

async function snapshot(name: "base" | "with-translator", verified: boolean): Promise<Snapshot> {
  const known = snapshots.get(name);
  if (known !== undefined && (await isWhole(await known)) && (!verified || (await isUnchanged(await known))))
    return known;
  // Whoever came first while this one looked has begun to make it.
  const current = snapshots.get(name);
  if (current !== undefined && current !== known) return current;
  const packages = name === "base" ? BASE_PACKAGES : [...BASE_PACKAGES, ...TRANSLATE_PACKAGES];
  const made = makeSnapshot(packages);
  snapshots.set(name, made);
  made.catch(() => snapshots.delete(name));
  return made;
}

async function isWhole({ home, entries }: Snapshot): Promise<boolean> {
  return (await countEntries(home)) >= entries;
}

async function isUnchanged({ directory, digests }: Snapshot): Promise<boolean> {
  const now = await digestsOf(directory);
  return Array.from(digests).every(([path, digest]) => now.get(path) === digest);
}

async function digestsOf(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (path) => [path, await digestOf(path)] as const)));
}

async function digestOf(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

async function countEntries(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return entries.length;
}

/** The function says once that it is experimental. Its output is run by our own tests; operators need not hear of it. */
function silenceStripper(): void {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    stripTypeScriptTypes("");
  } finally {
    process.emitWarning = emitWarning;
  }
}

async function makeSnapshot(packages: readonly Package[]): Promise<Snapshot> {
  await removeLeftovers();
  const home = await mkdtemp(join(tmpdir(), `${HOME_PREFIX}${process.pid}-`));
  process.once("exit", () => rmSync(home, { recursive: true, force: true }));
  await chmod(home, 0o755);
  const directory = join(home, "code");
  await mkdir(directory, { mode: 0o755 });
  await writeFile(join(directory, "package.json"), '{"type":"module"}');
  if (OWN_EXTENSION === ".ts") silenceStripper();
  for (const folder of FOLDERS) await copyCode(join(SOURCE_ROOT, folder), join(directory, folder));
  await copyPackages(directory, packages);
  const root = await layPrivateRoot(home, directory);
  return { home, directory, root, entries: await countEntries(home), digests: await digestsOf(directory) };
}

async function copyCode(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && isCode(entry.name));
  await Promise.all(
    files.map(async (file) => {
      const source = join(file.parentPath, file.name);
      const target = join(to, relative(from, source)).replace(/\.ts$/, ".js");
      await mkdir(dirname(target), { recursive: true, mode: 0o755 });
      await writeFile(target, plainJavaScript(await readFile(source, "utf8")), { mode: 0o644 });
    }),
  );
}

function isCode(name: string): boolean {
  return extname(name) === OWN_EXTENSION && !name.endsWith(".d.ts");
}

/** Sources become what the package's build would emit; emitted code is taken as it is. */
function plainJavaScript(source: string): string {
  if (OWN_EXTENSION !== ".ts") return source;
  return stripTypeScriptTypes(source).replaceAll(/((?:from|import)\s*\(?\s*"\.[^"]*)\.ts"/g, '$1.js"');
}

async function copyPackages(directory: string, packages: readonly Package[]): Promise<void> {
  for (const { name, parts } of packages) {
    const manifest = findPackageJSON(name, import.meta.url);
    if (manifest === undefined) throw new Error(`Cannot find the package "${name}"`);
    const from = dirname(manifest);
    const to = join(directory, "node_modules", name);
    if (parts === undefined) {
      await cp(from, to, { recursive: true });
      continue;
    }
    await mkdir(to, { recursive: true });
    await cp(manifest, join(to, "package.json"));
    for (const part of parts) await cp(join(from, part), join(to, part), { recursive: true });
  }
}

/** Directories of hosts that were killed. Another user's cannot be removed and are not ours to worry about. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(new RegExp(`^${HOME_PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
