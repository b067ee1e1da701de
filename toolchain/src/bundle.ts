import { createRequire } from "node:module";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { type Plugin, rolldown } from "rolldown";
import { transform } from "rolldown/utils";
import { BuildError, messageOf } from "./build-error.ts";
import type { HandlerConfig } from "./handler-config.ts";
import type { SourceMapV3 } from "./source-map.ts";

/** One script with everything in it but the contract's interfaces. */
export interface Bundle {
  readonly code: string;
  /** Sources relative to the handler's folder. */
  readonly map: SourceMapV3;
  /** Every file that went into it, absolute. */
  readonly files: readonly string[];
}

/** The generated entry, as a file of the handler's folder that is never written. */
const ENTRY = ".tasker-entry.js";

/** What both JavaScript engines know; newer syntax is lowered to it. */
const TARGET = "es2024";

/**
 * What modules with `async` in them are lowered to: lowered, it uses the global `Promise`, which is the SDK's and can be
 * drained inside a synchronous export; the engines' own `async` functions cannot. There is no lowering `async` alone, and
 * lowered classes and spreads are slow (a step's fuel rose by a fifth), so the other modules are spared.
 */
const ASYNC_TARGET = "es2016";

const sdkFolder = dirname(dirname(createRequire(import.meta.url).resolve("@tasker-host/sdk")));

/** The SDK's version, for the manifest. */
export const SDK_VERSION: string = String(JSON.parse(readFileSync(join(sdkFolder, "package.json"), "utf8")).version);

/** Bundles the handler with `entry` as its generated entry. Throws `BuildError` with file, line and column. */
export async function bundle(config: HandlerConfig, entry: string): Promise<Bundle> {
  try {
    return await runRolldown(config, entry);
  } catch (error) {
    throw error instanceof BuildError ? error : sourceError(config, error);
  }
}

async function runRolldown(config: HandlerConfig, entry: string): Promise<Bundle> {
  const problems: SourceProblem[] = [];
  const files = new Set<string>();
  const build = await rolldown({
    input: join(config.folder, ENTRY),
    cwd: config.folder,
    platform: "neutral",
    external: /^tasker:/,
    resolve: { mainFields: ["module", "main"], conditionNames: ["import", "module", "default"] },
    transform: { target: TARGET },
    // Paths of the build machine would end in the component.
    experimental: { attachDebugInfo: "none" },
    // Refused below: what is thrown here loses its fields on the way through the bundler.
    onLog: (_level, log) => void problems.push(log),
    plugins: [ownModules(config, entry, files), lowerAsync()],
  });
  try {
    const { output } = await build.generate({
      format: "esm",
      sourcemap: "hidden",
      codeSplitting: false,
      comments: false,
      dir: config.folder,
      entryFileNames: "entry.js",
    });
    const unresolved = problems.find(({ code }) => code === UNRESOLVED);
    if (unresolved) throw importError(config, unresolved);
    const [chunk] = output;
    if (chunk.map === null) throw new Error("the bundler gave no source map");
    return {
      code: chunk.code,
      map: {
        version: 3,
        sources: chunk.map.sources.map((source) => portable(relative(config.folder, resolve(config.folder, source)))),
        sourcesContent: chunk.map.sourcesContent ?? [],
        names: chunk.map.names,
        mappings: chunk.map.mappings,
      },
      files: [...files],
    };
  } finally {
    await build.close();
  }
}

/** Serves the generated entry, and the SDK that belongs to this toolchain whatever the author has installed. */
function ownModules(config: HandlerConfig, entry: string, files: Set<string>): Plugin {
  const entryPath = join(config.folder, ENTRY);
  return {
    name: "tasker-own-modules",
    resolveId(id) {
      if (id === entryPath) return { id: entryPath, moduleSideEffects: true };
      if (id === "@tasker-host/sdk") return join(sdkFolder, "src/index.ts");
      if (id === "@tasker-host/sdk/component") return join(sdkFolder, "src/component/serve.ts");
      if (id === "@tasker-host/sdk/component/globals") {
        return { id: join(sdkFolder, "src/component/globals.ts"), moduleSideEffects: true };
      }
      return null;
    },
    load(id) {
      return id === entryPath ? { code: entry, map: { mappings: "" } } : null;
    },
    // Also those of which nothing is left in the end: what they hold decides that.
    moduleParsed({ id }) {
      if (isAbsolute(id) && id !== entryPath) files.add(id);
    },
  };
}

function lowerAsync(): Plugin {
  return {
    name: "tasker-lower-async",
    async transform(code, id) {
      if (!/\basync\b/.test(code) || !/\.[cm]?[jt]sx?$/.test(id)) return null;
      const lowered = await transform(id, code, { target: ASYNC_TARGET, sourcemap: true });
      // A module that does not parse is the bundler's to refuse, with the place.
      return lowered.errors.length > 0 ? null : { code: lowered.code, map: lowered.map ?? null, moduleType: "js" };
    },
  };
}

const UNRESOLVED = "UNRESOLVED_IMPORT";

interface SourceProblem {
  readonly code?: string | undefined;
  readonly message: string;
  readonly id?: string | undefined;
  readonly loc?: { readonly file?: string | undefined; readonly line: number; readonly column: number } | undefined;
}

function importError(config: HandlerConfig, problem: SourceProblem): BuildError {
  return new BuildError({
    code: "TSK_BUILD_IMPORT",
    attempted: "Cannot find an import",
    found: firstLine(problem.message),
    accepted: "a file of the folder, or an installed package that runs without Node.js",
    ...place(config, problem),
  });
}

function sourceError(config: HandlerConfig, error: unknown): BuildError {
  const problem = firstProblem(error);
  if (problem.code === UNRESOLVED) return importError(config, problem);
  return new BuildError(
    {
      code: "TSK_BUILD_SOURCE",
      attempted: "Cannot bundle the handler",
      found: firstLine(problem.message),
      ...place(config, problem),
    },
    { cause: error },
  );
}

/** Rolldown gathers its errors in one, under `errors`. */
function firstProblem(error: unknown): SourceProblem {
  if (typeof error === "object" && error !== null && "errors" in error && Array.isArray(error.errors)) {
    const first: unknown = error.errors[0];
    if (isProblem(first)) return first;
  }
  return isProblem(error) ? error : { message: messageOf(error) };
}

function isProblem(value: unknown): value is SourceProblem {
  return typeof value === "object" && value !== null && "message" in value && typeof value.message === "string";
}

function place(config: HandlerConfig, { id, loc }: SourceProblem): { file?: string; line?: number; column?: number } {
  const file = loc?.file ?? id;
  // The generated entry's only wish of the author's modules is the default export of theirs.
  if (file?.endsWith(ENTRY)) return { file: config.entry };
  return {
    ...(file !== undefined && { file: portable(relative(config.folder, file)) }),
    ...(loc !== undefined && { line: loc.line, column: loc.column + 1 }),
  };
}

/** The bundler's messages go on with a drawing of the place. */
function firstLine(text: string): string {
  const line =
    stripVTControlCharacters(text)
      .split("\n")
      .find((each) => each.trim() !== "") ?? text;
  return line.replace(/^\s*\[\w+\]\s*/, "").trim();
}

/** Paths in maps and errors have slashes on every system. */
function portable(path: string): string {
  return path.replaceAll("\\", "/");
}
