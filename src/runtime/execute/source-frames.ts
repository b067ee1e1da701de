/** Stack traces of guest languages as frames, mapped to the author's source where a source map is known. */
import { isIgnored, originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";

/** One position in a guest's source. Lines and columns count from 1. */
interface Frame {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** In a source that the map's `ignoreList` names: not the author's. */
  readonly ignored?: boolean;
}

const MAX_FRAMES = 32;
const MAX_STACK_CHARS = 16_384;
const MAX_FILE_CHARS = 400;
/** Parsing a map is host CPU outside fuel: about 40 ms for 8 MB. */
const MAX_SOURCE_MAP_CHARS = 8_388_608;

/** QuickJS: `at name (file:line:column)`. StarlingMonkey: `name@file:line:column`. */
const QUICKJS = /^\s*at (?:(?<name>.{0,200}?) )?\(?(?<file>[^()]{1,400}?):(?<line>\d{1,9})(?::(?<column>\d{1,9}))?\)?$/;
const STARLINGMONKEY = /^(?<name>[^@]{0,200})@(?<file>.{1,400}?):(?<line>\d{1,9}):(?<column>\d{1,9})$/;

/** A source map of hostile origin, parsed on first use; one that cannot be read maps nothing. */
export class SourceMap {
  readonly #text: string;
  #map: TraceMap | undefined;

  constructor(text: string) {
    this.#text = text.length > MAX_SOURCE_MAP_CHARS ? "" : text;
  }

  original(frame: Frame): Frame {
    const map = this.#parsed();
    if (map === undefined) return frame;
    try {
      const found = originalPositionFor(map, { line: Math.max(1, frame.line), column: Math.max(0, frame.column - 1) });
      // The types promise a text or null; a map that was made by hand keeps no promises.
      if (typeof found.source !== "string") return frame;
      const file = found.source.slice(0, MAX_FILE_CHARS);
      const ignored = isIgnored(map, found.source);
      return { name: frame.name, file, line: found.line, column: found.column + 1, ignored };
    } catch {
      return frame;
    }
  }

  #parsed(): TraceMap | undefined {
    if (this.#map !== undefined || this.#text === "") return this.#map;
    try {
      this.#map = new TraceMap(this.#text);
    } catch {
      this.#map = undefined;
    }
    return this.#map;
  }
}

/**
 * The frames of an engine's stack text, innermost first: `name (file:line:column)`. Lines of other shapes are left out, and
 * so are frames that are not the author's, unless there are no others.
 */
export function framesOfStack(stack: string, map: SourceMap | undefined): readonly string[] {
  const frames: Frame[] = [];
  for (const line of stack.slice(0, MAX_STACK_CHARS).split("\n")) {
    const groups = (QUICKJS.exec(line) ?? STARLINGMONKEY.exec(line))?.groups;
    if (groups === undefined) continue;
    const { name = "", file = "", line: row = "0", column = "0" } = groups;
    const frame = { name, file, line: Number(row), column: Number(column) };
    frames.push(map?.original(frame) ?? frame);
    if (frames.length === MAX_FRAMES) break;
  }
  const authors = frames.filter(({ ignored }) => ignored !== true);
  return (authors.length > 0 ? authors : frames).map(frameText);
}

/** The one frame of an `abort`; empty where the guest named no file. */
export function framesOfAbort(
  at: { readonly file: string; readonly line: number; readonly column: number },
  map: SourceMap | undefined,
): readonly string[] {
  if (at.file === "") return [];
  const frame = { name: "", file: at.file.slice(0, MAX_FILE_CHARS), line: at.line, column: at.column };
  return [frameText(map?.original(frame) ?? frame)];
}

/** The guest's frames of an exception of V8: function name or index and byte offset, no frames of the host. */
export function framesOfTrap(stack: string): readonly string[] {
  const frames: string[] = [];
  for (const line of stack.slice(0, MAX_STACK_CHARS).split("\n")) {
    const found =
      /^\s*at (?:(?<name>.{1,200}) )?\(?wasm:\/\/[^:]{1,200}:(?<place>wasm-function\[\d+\]:0x[0-9a-f]+)\)?$/.exec(line);
    if (found?.groups === undefined) continue;
    frames.push(`${found.groups["name"] ?? ""} (${found.groups["place"] ?? ""})`.trim());
    if (frames.length === MAX_FRAMES) break;
  }
  return frames;
}

function frameText({ name, file, line, column }: Frame): string {
  const place = line === 0 ? file : `${file}:${line}${column === 0 ? "" : `:${column}`}`;
  return name === "" ? `(${place})` : `${name} (${place})`;
}
