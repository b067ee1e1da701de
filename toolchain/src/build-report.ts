import type { Engine, Language } from "./handler-config.ts";

/** What a build made. */
export interface BuildReport {
  readonly name: string;
  readonly version: string;
  readonly language: Language;
  readonly engine: Engine;
  /** Absolute. */
  readonly wasmPath: string;
  /** Absolute; the source map of the script (or, for AssemblyScript, of the core module), revision 3. */
  readonly sourceMapPath: string;
  readonly sizeBytes: number;
  /** Lower-case hex SHA-256 of the component. */
  readonly digest: string;
  /** Every interface that the component imports, used or not, sorted: `tasker:handler/log@1.0.0`. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** What the component's `describe` names. */
  readonly callables: readonly string[];
  readonly durationMs: number;
}
