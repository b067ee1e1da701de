import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";

/** A source map, revision 3. */
export interface SourceMapV3 {
  readonly version: 3;
  /** The script's name in stack traces: `file:line:column` with this file is what the map knows. */
  readonly file?: string;
  /** Relative to the handler's folder. */
  readonly sources: readonly string[];
  readonly sourcesContent: readonly (string | null)[];
  readonly names: readonly string[];
  readonly mappings: string;
}

export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

/** The place of the first `file:line:column` in `text` that the map knows, in the author's own files if there is one. */
export function firstMappedFrame(map: SourceMapV3, text: string): SourcePlace | undefined {
  const tracer = new TraceMap(JSON.stringify(map));
  const places = Array.from(text.matchAll(/:(\d+):(\d+)/g), (match) =>
    originalPositionFor(tracer, { line: Number(match[1]), column: Math.max(0, Number(match[2]) - 1) }),
  ).flatMap(({ source, line, column }) => (source === null ? [] : [{ file: source, line, column: column + 1 }]));
  return places.find(({ file }) => !file.startsWith("../") && !file.includes("node_modules/")) ?? places[0];
}
