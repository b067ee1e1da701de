import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import type { FunctionSites } from "./engines/trap-sites.ts";

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
  /** Indices of sources that are not the author's: backtraces leave them out. */
  readonly ignoreList?: readonly number[];
  /** Of a map of compiled code: what the host needs to find its way from the metered code back to it (`trap-sites.ts`). */
  readonly x_tasker_functions?: readonly FunctionSites[];
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
  return places.find(({ file }) => isAuthors(file)) ?? places[0];
}

/** The map with everything outside the handler's folder, the SDK above all, on the list of what a backtrace leaves out. */
export function ignoreForeignSources(map: SourceMapV3): SourceMapV3 {
  return { ...map, ignoreList: map.sources.flatMap((source, index) => (isAuthors(source) ? [] : [index])) };
}

function isAuthors(source: string): boolean {
  return !source.startsWith("../") && !source.startsWith("~lib/") && !source.includes("node_modules/");
}

/**
 * The map with the start of each line mapped to what its first token is mapped to. QuickJS gives the start of the line for
 * some expressions (a property read of undefined), before the first token of an indented line.
 */
export function coverLineStarts(map: SourceMapV3): SourceMapV3 {
  const lines = map.mappings.split(";").map((line) => {
    const { value, length } = readVlq(line);
    const [first = ""] = line.split(",", 1);
    // Fields are relative to the segment before: the added one takes the first one's place, which then differs by its column.
    return value > 0 && first.length > length
      ? `A${first.slice(length)},${first.slice(0, length)}AAA${line.slice(first.length)}`
      : line;
  });
  return { ...map, mappings: lines.join(";") };
}

/**
 * The map of a module whose code moved by `shift` bytes: columns are byte offsets, and but for the first they are relative
 * to the one before.
 */
export function shiftFirstColumn(map: SourceMapV3, shift: number): SourceMapV3 {
  const { value, length } = readVlq(map.mappings);
  return { ...map, mappings: writeVlq(value + shift) + map.mappings.slice(length) };
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The base-64 VLQ number at the start of `text`, and how many characters it takes; none where there is no number. */
function readVlq(text: string): { value: number; length: number } {
  let bits = 0;
  for (let length = 1; length <= text.length; length += 1) {
    const digit = BASE64.indexOf(text.charAt(length - 1));
    if (digit < 0) break;
    bits |= (digit & 31) << (5 * (length - 1));
    if ((digit & 32) === 0) return { value: bits & 1 ? -(bits >>> 1) : bits >>> 1, length };
  }
  return { value: 0, length: 0 };
}

function writeVlq(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const digit = rest & 31;
    rest >>>= 5;
    text += BASE64.charAt(rest > 0 ? digit | 32 : digit);
  } while (rest > 0);
  return text;
}
