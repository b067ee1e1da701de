/**
 * A source map of hostile origin: what of it explains errors, type by type, and nothing else of what it says. One reading for
 * the host, which judges uploads by it on its own thread, and for the sandbox, which does not rely on that.
 */
import { jsonExcess } from "./bounded-json.ts";
import { MAX_SOURCE_MAP_BYTES } from "./limits.ts";

/** JSON.parse takes 10 ms for this many numbers. The largest map of the handlers here has 6,600, nearly all of its trap sites. */
const MAX_VALUES = 500_000;
/** JSON.parse takes 20 ms for this many keys, all different. The largest map of the handlers here has 740 texts and keys. */
const MAX_STRINGS = 50_000;
/** `x_tasker_functions` has three: the map, the list, a function's sites are the fourth. */
const MAX_DEPTH = 8;
/** Decoded, each takes about 100 bytes. The largest map of the handlers here has 33,000. */
const MAX_SEGMENTS = 500_000;
/** Column, source, its line and column, a name. */
const MAX_FIELDS = 5;

/** What a map says, of the types that it should have. */
export interface SourceMapContent {
  /** As many segments as there are separators, and one more: none is without an end, none has more fields than it may. */
  readonly mappings: string;
  readonly sources: readonly string[];
  readonly sourceRoot: string;
  /** Indices of the sources that are not the author's. */
  readonly ignored: ReadonlySet<number>;
  readonly functions: readonly FunctionSites[];
}

/** A function of the module before metering: pairs of an instruction's kind and how far it lies behind the one before. */
export interface FunctionSites {
  readonly name: string;
  /** Where its body begins. */
  readonly start: number;
  readonly sites: readonly number[];
}

export type SourceMapReading =
  | { readonly kind: "readable"; readonly content: SourceMapContent }
  | { readonly kind: "unreadable"; readonly found: string };

/** What the host says to whoever brought a map that is none. */
export const SOURCE_MAP_RULE = `JSON with "version": 3, "sources" (texts) and "mappings" (a text), at most ${MAX_SOURCE_MAP_BYTES} bytes, ${MAX_STRINGS} texts and keys, ${MAX_VALUES} values and ${MAX_SEGMENTS} mappings`;

const BOUNDS = { maxValues: MAX_VALUES, maxStrings: MAX_STRINGS, maxDepth: MAX_DEPTH };

/** Some 50 ms of an idle core at most, 95 of a busy one, and a few times the text's bytes, whatever the text is. */
export function readSourceMap(text: string): SourceMapReading {
  // A text has no fewer bytes than characters: longer ones are not even copied.
  if (text.length > MAX_SOURCE_MAP_BYTES) return unreadable(`${text.length} characters`);
  const bytes = Buffer.from(text);
  if (bytes.length > MAX_SOURCE_MAP_BYTES) return unreadable(`${bytes.length} bytes`);
  const excess = jsonExcess(bytes, BOUNDS);
  if (excess !== undefined) return unreadable(excess);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return unreadable("something that is no JSON");
  }
  return typeof json === "object" && json !== null && !Array.isArray(json) ? contentOf(json) : unreadable("no object");
}

interface Members {
  readonly version?: unknown;
  readonly sources?: unknown;
  readonly sourceRoot?: unknown;
  readonly mappings?: unknown;
  readonly ignoreList?: unknown;
  readonly x_google_ignoreList?: unknown;
  readonly x_tasker_functions?: unknown;
}

function contentOf(map: Members): SourceMapReading {
  const { sources, mappings } = map;
  if (map.version !== 3) return wrong("version");
  if (!isListOf(sources, isText)) return wrong("sources");
  if (typeof mappings !== "string") return wrong("mappings");
  const ignored = map.ignoreList ?? map.x_google_ignoreList ?? [];
  if (!isListOf(ignored, isNumber)) return wrong("ignoreList");
  const problem = mappingsProblem(mappings);
  if (problem !== undefined) return unreadable(problem);
  const content = {
    mappings,
    sources,
    sourceRoot: typeof map.sourceRoot === "string" ? map.sourceRoot : "",
    ignored: new Set(ignored),
    functions: isListOf(map.x_tasker_functions, isFunctionSites) ? map.x_tasker_functions : [],
  };
  return { kind: "readable", content };
}

function unreadable(found: string): SourceMapReading {
  return { kind: "unreadable", found };
}

function wrong(member: string): SourceMapReading {
  return unreadable(`a wrong "${member}"`);
}

const COMMA = 0x2c;
const SEMICOLON = 0x3b;

/** What makes more segments of the text, when it is decoded, than it has separators, or too many separators. */
function mappingsProblem(mappings: string): string | undefined {
  let segments = 1;
  let fields = 0;
  let isOpen = false;
  for (let at = 0; at < mappings.length; at += 1) {
    const char = mappings.charCodeAt(at);
    const isSeparator = char === COMMA || char === SEMICOLON;
    if (isSeparator && isOpen) return `a number without an end at ${at} of "mappings"`;
    if (isSeparator) {
      segments += 1;
      fields = 0;
    } else {
      isOpen = hasMoreDigits(char);
      if (!isOpen) fields += 1;
    }
    if (segments > MAX_SEGMENTS) return `more than ${MAX_SEGMENTS} mappings`;
    if (fields > MAX_FIELDS) return `a mapping of more than ${MAX_FIELDS} numbers at ${at} of "mappings"`;
  }
  return isOpen ? 'a number without an end at the end of "mappings"' : undefined;
}

/** Base-64 digits from 32 on: `g` to `z`, `0` to `9`, `+` and `/`. */
function hasMoreDigits(char: number): boolean {
  return (char >= 0x67 && char <= 0x7a) || (char >= 0x30 && char <= 0x39) || char === 0x2b || char === 0x2f;
}

/** Ends at the first that is none. */
function isListOf<T>(value: unknown, isOne: (element: unknown) => element is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isOne);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isFunctionSites(value: unknown): value is FunctionSites {
  if (typeof value !== "object" || value === null || !("name" in value) || !("sites" in value)) return false;
  return isText(value.name) && "start" in value && isNumber(value.start) && isListOf(value.sites, isNumber);
}
