/**
 * A handler's folder becomes a component:
 *
 * ```
 * handler.toml → world, entry → one script → component → asked what it serves → build/<name>.wasm, .wasm.map, .build.json
 *                               (or: asc → core module)
 * ```
 */
import { buildPaths, sha256, upToDateReport, writeBuild } from "./build-files.ts";
import type { BuildReport } from "./build-report.ts";
import { readHandlerConfig } from "./handler-config.ts";

export interface BuildOptions {
  /** Build even where the last build is up to date. Default false. */
  readonly force?: boolean;
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

  // Loaded only now: compilers and engines take longer to load than it takes to see that nothing is to be done.
  const { makeComponent } = await import("./make-component.ts");
  const { describeComponent } = await import("./describe-component.ts");
  const made = await makeComponent(config);
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
