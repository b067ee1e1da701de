import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { componentEmbed, componentNew } from "@bytecodealliance/jco-transpile/wasm-tools";
import { BuildError, messageOf } from "../build-error.ts";
import type { MadeComponent } from "../make-component.ts";
import type { HandlerConfig } from "../handler-config.ts";
import { shiftFirstColumn, type SourceMapV3 } from "../source-map.ts";
import { interfaceName, WORLD, worldText } from "../world.ts";
import { renameExports, type RenamedModule, withoutNames } from "./core-module.ts";
import { trapSites } from "./trap-sites.ts";

const SDK = "@tasker-host/sdk-assemblyscript";
const sdkFolder = dirname(createRequire(import.meta.url).resolve(`${SDK}/package.json`));
const SDK_VERSION: string = String(JSON.parse(readFileSync(join(sdkFolder, "package.json"), "utf8")).version);

/** The generated entry, as a file of the handler's folder that is never written. */
const ENTRY = "tasker-entry.ts";
const OUTPUT = "handler.wasm";

/** The language cannot write such names in an export. */
const EXPORTS: Readonly<Record<string, string | undefined>> = {
  memory: "memory",
  cabi_realloc: "cabi_realloc",
  _initialize: "_initialize",
  __describe: `${interfaceName("step-handler")}#describe`,
  __handle: `${interfaceName("step-handler")}#handle`,
};

/** What the library would import from `env`, answered by the SDK. */
const ALIASES = ["abort=__abort", "seed=__seed", "trace=__trace", "console=__console"].flatMap((alias) => {
  const [name, by] = alias.split("=");
  return ["--use", `${name}=~lib/${SDK}/globals/${by}`];
});

/** Compiles the handler with asc and makes a component of it. Throws `BuildError` with file, line and column. */
export async function makeFromAssemblyScript(config: HandlerConfig): Promise<MadeComponent> {
  const compiled = await compile(config);
  const core = renameExports(compiled.core, EXPORTS);
  refuseForeignImports(core);
  const embedded = await componentEmbed({
    binary: withoutNames(core.bytes),
    witSource: worldText(["log", "abort", ...config.capabilities]),
    world: WORLD,
    stringEncoding: "utf16",
  });
  const component = await componentNew(embedded);
  const map = { ...shiftFirstColumn(compiled.map, core.codeShift), x_tasker_functions: trapSites(core.bytes) };
  return { component, map, files: compiled.files };
}

/** By a name that the type checker does not follow: asc's types declare a global `console` of its own. */
const COMPILER: string = "assemblyscript/asc";

/** The part of asc's programmatic interface that is used. */
interface Compiler {
  main(
    args: readonly string[],
    host: {
      readFile(name: string): string | null;
      writeFile(name: string, contents: Uint8Array | string): void;
      listFiles(): readonly string[];
      reportDiagnostic(diagnostic: Diagnostic): void;
    },
  ): Promise<{ readonly error: Error | null }>;
}

interface Diagnostic {
  readonly category: number;
  readonly message: string;
  readonly range: { readonly start: number; readonly source: { readonly normalizedPath: string } } | null;
}

interface Compiled {
  readonly core: Uint8Array;
  readonly map: SourceMapV3;
  readonly files: readonly string[];
}

async function compile(config: HandlerConfig): Promise<Compiled> {
  const files = new Map<string, string>();
  const outputs = new Map<string, Uint8Array | string>();
  const problems: BuildError[] = [];
  const asc: Compiler = await import(COMPILER);
  const { error } = await asc.main(
    [
      ENTRY,
      "--baseDir",
      config.folder,
      "--outFile",
      OUTPUT,
      "--sourceMap",
      // Names the functions, which goes into the source map; the code stays the same.
      "--debug",
      "-O3s",
      "--exportStart",
      "_initialize",
      "--runtime",
      config.runtime,
      ...ALIASES,
    ],
    {
      readFile: (name) => (name === ENTRY ? entryModule(config) : readSource(config.folder, name, files)),
      writeFile: (name, contents) => void outputs.set(name, contents),
      listFiles: () => [],
      reportDiagnostic: (diagnostic) => void problems.push(...sourceErrors(diagnostic, files)),
    },
  );
  const [problem] = problems;
  if (problem) throw problem;
  const core = outputs.get(OUTPUT);
  const map = outputs.get(`${OUTPUT}.map`);
  if (error || !(core instanceof Uint8Array) || map === undefined) {
    throw new BuildError({
      code: "TSK_BUILD_SOURCE",
      attempted: "Cannot compile the handler",
      found: error ? messageOf(error) : "no output of the compiler",
    });
  }
  return { core, map: readMap(config, map, files), files: [...files.values()] };
}

function entryModule(config: HandlerConfig): string {
  const manifest = [config.name, config.version, `assemblyscript/${SDK_VERSION}`].map((part) => JSON.stringify(part));
  return [
    `import "${SDK}/globals";`,
    `import { setManifest } from "${SDK}/component";`,
    `setManifest(${manifest.join(", ")});`,
    `import "./${config.entry.replace(/\.ts$/, "")}";`,
    `export { __describe, __handle, cabi_realloc } from "${SDK}/component";`,
    "",
  ].join("\n");
}

/**
 * The file that asc asks for by `name`, or null. asc looks for packages in `node_modules` folders upwards; the SDK is
 * always the one that belongs to this toolchain.
 */
function readSource(folder: string, name: string, files: Map<string, string>): string | null {
  const ownModule = name.split(`node_modules/${SDK}/`)[1];
  const path = ownModule === undefined ? resolve(folder, name) : join(sdkFolder, "assembly", ownModule);
  try {
    const text = readFileSync(path, "utf8");
    files.set(ownModule === undefined ? name : `~lib/${SDK}/${ownModule}`, path);
    return text;
  } catch {
    return null;
  }
}

const ERROR_CATEGORY = 3;

/** The error that a diagnostic is, if it is one. Its range counts characters of a source of which only the path is given. */
function sourceErrors(diagnostic: Diagnostic, files: ReadonlyMap<string, string>): BuildError[] {
  if (diagnostic.category !== ERROR_CATEGORY) return [];
  const file = diagnostic.range?.source.normalizedPath;
  const path = file === undefined ? undefined : files.get(file);
  const before = path === undefined ? [] : readFileSync(path, "utf8").slice(0, diagnostic.range?.start).split("\n");
  return [
    new BuildError({
      code: "TSK_BUILD_SOURCE",
      attempted: "Cannot compile the handler",
      found: diagnostic.message,
      file,
      ...(before.length > 0 && { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }),
    }),
  ];
}

const ADVICE: Readonly<Record<string, string>> = {
  "env.Date.now": "step.nowMs",
  "env.performance.now": "step.nowMs",
  "env.crypto.getRandomValues": "Math.random(), which the step seeds",
};

/** Whatever is imported beyond the contract has nobody to answer it. */
function refuseForeignImports(core: RenamedModule): void {
  const foreign = core.imports.find(({ module }) => !module.startsWith("tasker:handler/"));
  if (foreign === undefined) return;
  const name = `${foreign.module}.${foreign.name}`;
  throw new BuildError({
    code: "TSK_BUILD_IMPORT",
    attempted: "Cannot make a component of the compiled handler",
    found: `the import "${name}"`,
    accepted: ADVICE[name] ?? "what the SDK offers",
  });
}

function readMap(config: HandlerConfig, text: Uint8Array | string, files: Map<string, string>): SourceMapV3 {
  // asc's own output.
  const map: SourceMapV3 = JSON.parse(typeof text === "string" ? text : new TextDecoder().decode(text));
  const paths = map.sources.map((source) => files.get(source));
  return {
    version: 3,
    file: OUTPUT,
    sources: map.sources.map((source, index) => {
      const path = paths[index];
      return path === undefined ? source : relative(config.folder, path).replaceAll("\\", "/");
    }),
    sourcesContent: paths.map((path) => (path === undefined ? null : readFileSync(path, "utf8"))),
    names: map.names,
    mappings: map.mappings,
  };
}
