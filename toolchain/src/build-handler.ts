/**
 * A handler's folder becomes a component:
 *
 * ```
 * handler.toml → world, entry → one script → component → asked what it serves → build/<name>.wasm, .wasm.map, .build.json
 *                               (or: asc → core module)
 * ```
 */
import { BuildError, messageOf } from "./build-error.ts";
import { buildPaths, sha256, upToDateReport, writeBuild } from "./build-files.ts";
import type { BuildReport } from "./build-report.ts";
import { bundle, SDK_VERSION } from "./bundle.ts";
import { describeComponent } from "./describe-component.ts";
import { makeFromAssemblyScript } from "./engines/assemblyscript.ts";
import { componentizeOnQuickJs, QUICKJS_SCRIPT } from "./engines/quickjs.ts";
import { componentizeOnStarlingMonkey, STARLINGMONKEY_SCRIPT } from "./engines/starlingmonkey.ts";
import { entryModule } from "./entry.ts";
import { readHandlerConfig, type HandlerConfig } from "./handler-config.ts";
import { firstMappedFrame, type SourceMapV3 } from "./source-map.ts";
import { worldText } from "./world.ts";

export interface BuildOptions {
  /** Build even where the last build is up to date. Default false. */
  readonly force?: boolean;
}

/** A component and all that is known of how it came about. */
export interface MadeComponent {
  readonly component: Uint8Array;
  readonly map: SourceMapV3;
  /** Files that went into it, absolute. */
  readonly files: readonly string[];
}

/**
 * Builds the handler in `folder` into `<folder>/build/`, unless the last build is up to date. TypeScript is stripped of its
 * types, not checked. Throws `BuildError`.
 */
export async function buildHandler(folder: string, options: BuildOptions = {}): Promise<BuildReport> {
  const started = performance.now();
  const config = readHandlerConfig(folder);
  const previous = options.force ? undefined : await upToDateReport(config.folder);
  if (previous) return previous;

  const made = await make(config);
  const described = await describeComponent(made.component);
  const paths = buildPaths(config);
  const report: BuildReport = {
    name: config.name,
    version: config.version,
    language: config.language,
    engine: config.engine,
    wasmPath: paths.wasm,
    sourceMapPath: paths.sourceMap,
    sizeBytes: made.component.length,
    digest: sha256(made.component),
    ...described,
    durationMs: Math.round(performance.now() - started),
  };
  await writeBuild(config, made, report);
  return report;
}

function make(config: HandlerConfig): Promise<MadeComponent> {
  switch (config.engine) {
    case "quickjs":
      return makeFromScript(config, {
        u64: "number",
        mayWait: false,
        scriptName: QUICKJS_SCRIPT,
        componentize: componentizeOnQuickJs,
      });
    case "starlingmonkey":
      return makeFromScript(config, {
        u64: "bigint",
        mayWait: true,
        scriptName: STARLINGMONKEY_SCRIPT,
        componentize: componentizeOnStarlingMonkey,
      });
    case "none":
      return makeFromAssemblyScript(config);
  }
}

interface ScriptEngine {
  readonly u64: "number" | "bigint";
  readonly mayWait: boolean;
  /** The script's name in stack traces. */
  readonly scriptName: string;
  componentize(script: string, world: string): Promise<Uint8Array>;
}

async function makeFromScript(config: HandlerConfig, engine: ScriptEngine): Promise<MadeComponent> {
  const entry = entryModule(config, SDK_VERSION, { u64: engine.u64, mayWait: engine.mayWait });
  const { code, map, files } = await bundle(config, entry);
  const named: SourceMapV3 = { ...map, file: engine.scriptName };
  try {
    const component = await engine.componentize(code, worldText(["log", ...config.capabilities]));
    return { component, map: named, files };
  } catch (error) {
    throw error instanceof BuildError ? error : evaluationError(named, error);
  }
}

/** The componentizers report what the script's top level threw as text, stack included. */
function evaluationError(map: SourceMapV3, error: unknown): BuildError {
  const text = messageOf(error);
  return new BuildError(
    {
      code: "TSK_BUILD_EVALUATION",
      attempted: "Cannot run the handler's top level",
      found: text.trim(),
      accepted: "an entry whose default export is defineHandlers(…), and whose top level does not throw",
      ...firstMappedFrame(map, text),
    },
    { cause: error },
  );
}
