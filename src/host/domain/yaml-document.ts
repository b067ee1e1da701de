import { isMap, isScalar, LineCounter, parseDocument, type Document } from "yaml";

/** Keys and indexes from the root of a document. */
export type YamlPath = readonly (string | number)[];

/** Something wrong in a document, where a person can find it. */
export interface YamlProblem {
  readonly line: number;
  readonly column: number;
  readonly found: string;
  readonly accepted: string;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/** A YAML document as plain values, with the place of each. */
export interface YamlDocument {
  /** JSON values, but integers beyond 2^53 are bigints. */
  readonly value: unknown;
  /** Where the value at `path` stands; where there is none, the nearest thing around it. */
  readonly positionOf: (path: YamlPath) => Position;
  /** Where the key stands that holds the value at `path`. */
  readonly positionOfKey: (path: YamlPath) => Position;
}

/** Enough for anchors that people write; a document that grows a thousandfold by them is an attack. */
const MAX_ALIASES = 100;

/** Reads one document whose values JSON can hold; the problems where it is none. */
export function readYaml(source: string): YamlDocument | { readonly problems: readonly YamlProblem[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(source, { intAsBigInt: true, lineCounter, prettyErrors: false, stringKeys: true });
  const position = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntax = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    ...position(pos[0]),
    found: message.replace(/\.$/, ""),
    accepted: "a YAML 1.2 document with text keys",
  }));
  if (syntax.length > 0) return { problems: syntax };

  const positionOf = (path: YamlPath): Position => position(offsetOf(document, path));
  const positionOfKey = (path: YamlPath): Position => position(keyOffsetOf(document, path));
  const problems: YamlProblem[] = [];
  const value = plainValue(valueOf(document, problems), [], (path, found) =>
    problems.push({ ...positionOf(path), found, accepted: "a value that JSON can hold" }),
  );
  return problems.length > 0 ? { problems } : { value, positionOf, positionOfKey };
}

function valueOf(document: Document.Parsed, problems: YamlProblem[]): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return value;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const accepted = `aliases that make at most ${MAX_ALIASES} copies`;
    problems.push({ line: 1, column: 1, found: error.message, accepted });
    return undefined;
  }
}

/** Integers within 2^53 as numbers; `refuse` hears of numbers that JSON does not have. */
function plainValue(value: unknown, path: YamlPath, refuse: (path: YamlPath, found: string) => void): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    refuse(path, `the number ${value}`);
    return null;
  }
  if (Array.isArray(value)) return value.map((item, index) => plainValue(item, [...path, index], refuse));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, member]) => [key, plainValue(member, [...path, key], refuse)]);
  return Object.fromEntries(entries);
}

function offsetOf(document: Document.Parsed, path: YamlPath): number {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    const offset = startOf(node);
    // What is missing has no place: the key of the thing around it is where to look.
    if (offset !== undefined) return depth === path.length ? offset : keyOffsetOf(document, path.slice(0, depth));
  }
  return 0;
}

function keyOffsetOf(document: Document.Parsed, path: YamlPath): number {
  const holder: unknown = path.length <= 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const name = path.at(-1);
  const pair = isMap(holder) ? holder.items.find(({ key }) => isScalar(key) && key.value === name) : undefined;
  return startOf(pair?.key) ?? startOf(path.length === 0 ? document.contents : document.getIn(path, true)) ?? 0;
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return undefined;
  const [start]: unknown[] = node.range;
  return typeof start === "number" ? start : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
