import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { BuildReport } from "./build-report.ts";
import { CONFIG_FILE, readHandlerConfig, type HandlerConfig } from "./handler-config.ts";
import { ignoreForeignSources, type SourceMapV3 } from "./source-map.ts";
import { CONTRACT_FOLDER } from "./world.ts";

/** The toolchain itself: its code, the packages it names, the contract. Another one builds everything again. */
const TOOLCHAIN = hashOfFiles([
  join(import.meta.dirname, "../package.json"),
  ...globSync("**/*", { cwd: import.meta.dirname, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name)),
  ...readdirSync(CONTRACT_FOLDER).map((name) => join(CONTRACT_FOLDER, name)),
]);

/** `build/<name>.build.json`: the last build's report, and what it was made of. */
interface BuildRecord {
  readonly toolchain: string;
  /** Paths relative to the handler's folder, with the SHA-256 of what they held. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly report: BuildReport;
}

export interface BuildPaths {
  readonly wasm: string;
  readonly sourceMap: string;
  readonly record: string;
}

/** Where a handler's build goes, absolute. */
export function buildPaths(config: HandlerConfig): BuildPaths {
  const base = join(config.folder, "build", config.name);
  return { wasm: `${base}.wasm`, sourceMap: `${base}.wasm.map`, record: `${base}.build.json` };
}

/** Writes component, map and record, each whole or not at all, the record last: it vouches for the others. */
export async function writeBuild(
  config: HandlerConfig,
  made: { readonly component: Uint8Array; readonly map: SourceMapV3; readonly files: readonly string[] },
  report: BuildReport,
): Promise<void> {
  const paths = buildPaths(config);
  const inputs: Record<string, string> = {};
  for (const file of [join(config.folder, CONFIG_FILE), ...made.files].sort()) {
    inputs[relative(config.folder, file)] = sha256(await readFile(file));
  }
  const record: BuildRecord = { toolchain: TOOLCHAIN, inputs, report };
  await mkdir(dirname(paths.wasm), { recursive: true });
  await replaceFile(paths.wasm, made.component);
  await replaceFile(paths.sourceMap, `${JSON.stringify(ignoreForeignSources(made.map))}\n`);
  await replaceFile(paths.record, `${JSON.stringify(record, null, 2)}\n`);
}

/** The report of the handler's last build where building again would make the same, else undefined. */
export async function upToDateReport(folder: string): Promise<BuildReport | undefined> {
  const config = readHandlerConfig(folder);
  const paths = buildPaths(config);
  const record = await readRecord(paths.record);
  if (record?.toolchain !== TOOLCHAIN) return undefined;
  const checks = Object.entries(record.inputs).map(([file, hash]) => holds(resolve(config.folder, file), hash));
  checks.push(holds(paths.wasm, record.report.digest), holds(paths.sourceMap, undefined));
  const allHold = (await Promise.all(checks)).every(Boolean);
  // A folder that was moved or copied has moved its outputs along.
  return allHold ? { ...record.report, wasmPath: paths.wasm, sourceMapPath: paths.sourceMap } : undefined;
}

/** Whether `build/` holds what building `folder` now would make. Throws `BuildError` for a broken `handler.toml`. */
export async function isUpToDate(folder: string): Promise<boolean> {
  return (await upToDateReport(folder)) !== undefined;
}

function hashOfFiles(paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of [...paths].sort()) hash.update(readFileSync(path));
  return hash.digest("hex");
}

/** Lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function holds(path: string, hash: string | undefined): Promise<boolean> {
  try {
    const bytes = await readFile(path);
    return hash === undefined || sha256(bytes) === hash;
  } catch {
    return false;
  }
}

async function readRecord(path: string): Promise<BuildRecord | undefined> {
  try {
    const record: unknown = JSON.parse(await readFile(path, "utf8"));
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The toolchain's own file; one of another version is told apart by `toolchain`. */
function isRecord(value: unknown): value is BuildRecord {
  return typeof value === "object" && value !== null && "toolchain" in value && "inputs" in value && "report" in value;
}

async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}
