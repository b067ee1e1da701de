/** Stack traces of guest languages as frames, mapped to the author's source where a source map is known. */
import { decodedMappings, type SourceMapSegment, TraceMap, traceSegment } from "@jridgewell/trace-mapping";
import type { Artifact } from "../artifact.ts";
import { readSourceMap, type SourceMapContent } from "../read-source-map.ts";
import { type CompiledPlace, CompiledPlaces, type WasmFrame } from "./wasm-frames.ts";

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
/** Places of one function that are looked at for one of the author's: the map says where the function begins, and can lie. */
const MAX_PLACES = 10_000;

/** QuickJS: `at name (file:line:column)`. StarlingMonkey: `name@file:line:column`. */
const QUICKJS = /^\s*at (?:(?<name>.{0,200}?) )?\(?(?<file>[^()]{1,400}?):(?<line>\d{1,9})(?::(?<column>\d{1,9}))?\)?$/;
const STARLINGMONKEY = /^(?<name>[^@]{0,200})@(?<file>.{1,400}?):(?<line>\d{1,9}):(?<column>\d{1,9})$/;

/** The source map of a component, of hostile origin, read on first use and once; one that cannot be read maps nothing. */
export class SourceMap {
  #text: string | undefined;
  #mapped: Mapped | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  original(frame: Frame): Frame {
    const mapped = this.#read();
    if (mapped === undefined) return frame;
    try {
      const segment = traceSegment(mapped.map, Math.max(0, frame.line - 1), Math.max(0, frame.column - 1));
      return segment === null ? frame : (placeOf(segment, frame.name, mapped.content) ?? frame);
    } catch {
      return frame;
    }
  }

  /** The frame of compiled code; undefined where the map does not know the function, or not that place of it. */
  compiled(frame: WasmFrame, artifact: Pick<Artifact, "modules">): Frame | undefined {
    const mapped = this.#read();
    if (mapped === undefined) return undefined;
    try {
      mapped.places ??= new CompiledPlaces(artifact, mapped.content.functions);
      const place = mapped.places.placeOf(frame);
      return place === undefined ? undefined : nearest(mapped, place);
    } catch {
      return undefined;
    }
  }

  #read(): Mapped | undefined {
    if (this.#text === undefined) return this.#mapped;
    const reading = readSourceMap(this.#text);
    // Forgotten whatever came of it: what failed for one frame would fail for the next, at the same cost.
    this.#text = undefined;
    if (reading.kind === "readable") this.#mapped = mappedOf(reading.content);
    return this.#mapped;
  }
}

interface Mapped {
  readonly content: SourceMapContent;
  readonly map: TraceMap;
  /** Of the one component that the map belongs to. */
  places: CompiledPlaces | undefined;
}

/** The decoder sees the mappings and nothing else: names and sources it would resolve at once, all of them. */
function mappedOf(content: SourceMapContent): Mapped {
  const { mappings } = content;
  return { content, map: new TraceMap({ version: 3, names: [], sources: [], mappings }), places: undefined };
}

/** Undefined where the segment, or the map, says of no source. */
function placeOf(segment: Readonly<SourceMapSegment>, name: string, content: SourceMapContent): Frame | undefined {
  const [, source, line, column] = segment;
  const file = source === undefined ? undefined : content.sources[source];
  if (source === undefined || file === undefined || line === undefined || column === undefined) return undefined;
  return {
    name,
    file: pathOf(file.slice(0, MAX_FILE_CHARS), content.sourceRoot.slice(0, MAX_FILE_CHARS)),
    line: line + 1,
    column: column + 1,
    ignored: content.ignored.has(source),
  };
}

/** Where a map has a root, its sources are below it, but for those with a place of their own. */
function pathOf(file: string, root: string): string {
  if (root === "" || file.startsWith("/") || /^[a-z][a-z0-9+.-]*:/i.test(file)) return file;
  return `${root.replace(/\/+$/, "")}/${file}`.slice(0, MAX_FILE_CHARS);
}

/**
 * The place itself where it is the author's, else the last one before it in the function that is: compilers leave calls
 * without a place, and what they inlined from a library is there because of the author's line before it.
 */
function nearest({ map, content }: Mapped, { name, offset, start }: CompiledPlace): Frame | undefined {
  const [segments = []] = decodedMappings(map);
  let foreign: Frame | undefined;
  const last = lastUpTo(segments, offset);
  for (let at = last; at >= 0 && at > last - MAX_PLACES; at -= 1) {
    const segment = segments[at] ?? [0];
    if (segment[0] < start) break;
    if (foreign !== undefined && content.ignored.has(segment[1] ?? -1)) continue;
    const found = placeOf(segment, spokenName(name), content);
    if (found === undefined) continue;
    if (found.ignored !== true) return found;
    foreign = found;
  }
  return foreign;
}

/** The last segment whose column is not behind `column`; -1 where all are. Segments stand in the order of their columns. */
function lastUpTo(segments: readonly SourceMapSegment[], column: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segments[middle]?.[0] ?? Infinity) <= column) low = middle + 1;
    else high = middle;
  }
  return low - 1;
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

/** Where the frames of compiled code are looked up. */
export interface CompiledSource {
  readonly map: SourceMap | undefined;
  readonly artifact: Pick<Artifact, "modules">;
}

/**
 * The frames of an `abort`: the author's functions that were under way where a map knows them, else the one place that the
 * guest named; empty where it named no file.
 */
export function framesOfAbort(
  at: { readonly file: string; readonly line: number; readonly column: number; readonly stack: string },
  { map, artifact }: CompiledSource,
): readonly string[] {
  const authors = compiledFrames(at.stack, map, artifact).flatMap(({ frame }) => (isAuthors(frame) ? [frame] : []));
  const named = { name: "", file: at.file.slice(0, MAX_FILE_CHARS), line: at.line, column: at.column };
  const [innermost, ...callers] = authors;
  if (innermost === undefined) return at.file === "" ? [] : [frameText(map?.original(named) ?? named)];
  // Where the author's own code threw, the guest knows the place to the column.
  const first = innermost.file === named.file ? { ...named, name: innermost.name } : innermost;
  return [first, ...callers].map(frameText);
}

/**
 * The guest's frames of an exception of V8, none of the host's: the author's functions and places where a map knows them, else
 * function index and byte offset of the metered code.
 */
export function framesOfTrap(stack: string, { map, artifact }: CompiledSource): readonly string[] {
  const frames = compiledFrames(stack, map, artifact);
  const authors = frames.flatMap(({ frame }) => (isAuthors(frame) ? [frame] : []));
  return authors.length > 0 ? authors.map(frameText) : frames.map(({ text }) => text);
}

/** The frames of an exception of V8 that are the author's by the map, and no others. */
export function authorsFrames(stack: string, { map, artifact }: CompiledSource): readonly string[] {
  return compiledFrames(stack, map, artifact).flatMap(({ frame }) => (isAuthors(frame) ? [frameText(frame)] : []));
}

function isAuthors(frame: Frame | undefined): frame is Frame {
  return frame !== undefined && frame.ignored !== true;
}

/** Each frame of the guest's in V8's stack text, as it stands there and as the map has it. */
function compiledFrames(
  stack: string,
  map: SourceMap | undefined,
  artifact: Pick<Artifact, "modules">,
): readonly { readonly text: string; readonly frame: Frame | undefined }[] {
  const frames: { text: string; frame: Frame | undefined }[] = [];
  for (const line of stack.slice(0, MAX_STACK_CHARS).split("\n")) {
    const groups = WASM_FRAME.exec(line)?.groups;
    if (groups === undefined) continue;
    const { name = "", index = "", offset = "" } = groups;
    const place = { functionIndex: Number(index), offset: Number.parseInt(offset, 16) };
    const text = `${name} (wasm-function[${index}]:0x${offset})`.trim();
    frames.push({ text, frame: map?.compiled(place, artifact) });
    if (frames.length === MAX_FRAMES) break;
  }
  return frames;
}

const WASM_FRAME =
  /^\s*at (?:(?<name>.{1,200}) )?\(?wasm:\/\/[^:]{1,200}:wasm-function\[(?<index>\d{1,9})\]:0x(?<offset>[0-9a-f]{1,9})\)?$/;

/** `src/index.as/shout` → `shout`, `src/index.as/Cart#add` → `Cart#add`, `start:src/index.as~anonymous|0` → `anonymous`. */
function spokenName(name: string): string {
  const last = name.slice(0, MAX_FILE_CHARS).split("/").at(-1) ?? "";
  return last.includes("~anonymous") ? "anonymous" : last.replace(/<.*$/, "").replace(/@.*$/, "");
}

function frameText({ name, file, line, column }: Frame): string {
  const place = line === 0 ? file : `${file}:${line}${column === 0 ? "" : `:${column}`}`;
  return name === "" ? `(${place})` : `${name} (${place})`;
}
