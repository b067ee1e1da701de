import { readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import type { ConfigNode } from "./key.ts";
import type { ConfigProblem, Layer } from "./layer.ts";

/**
 * Reads one component file. `node` is the component's schema: it tells tables of keys from values.
 * `shownPath` is how the file is called in messages.
 */
export function readTomlFile(path: string, shownPath: string, component: string, node: ConfigNode): Layer {
  const source = readFileSync(path, "utf8");
  const parsed = parseToml(source, shownPath, component);
  if ("problem" in parsed) return { settings: [], problems: [parsed.problem] };
  const lines = keyLines(source);
  const settings = flatten(parsed.table, node, []).map(({ path: keyPath, value }) => ({
    key: [component, ...keyPath].join("."),
    value,
    origin: { kind: "file", path: shownPath, line: lines.get(keyPath.join(".")) } as const,
  }));
  return { settings, problems: [] };
}

type Table = Readonly<Record<string, unknown>>;

function parseToml(source: string, path: string, component: string): { table: Table } | { problem: ConfigProblem } {
  try {
    return { table: parse(source) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const { line, message } = error;
    const [found = message] = message.split("\n");
    return {
      problem: { origin: { kind: "file", path, line }, key: component, found, accepted: "a TOML document (1.0)" },
    };
  }
}

/** The values of a table by path. A table is descended into only where the schema has a section, or nothing at all. */
function flatten(
  table: Table,
  node: ConfigNode | undefined,
  path: readonly string[],
): { path: string[]; value: unknown }[] {
  return Object.entries(table).flatMap(([name, value]) => {
    const child = node?.kind === "section" && Object.hasOwn(node.fields, name) ? node.fields[name] : undefined;
    const here = [...path, name];
    return isTable(value) && child?.kind !== "key" ? flatten(value, child, here) : [{ path: here, value }];
  });
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/**
 * The line of each `key =` and each `[table]`, by dotted path. Reads the plain spelling that configuration files have;
 * a key written another way (quoted, in an inline table) is reported without its line.
 */
function keyLines(source: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  let table: string[] = [];
  for (const [index, line] of source.split("\n").entries()) {
    const header = /^\s*\[\s*([A-Za-z0-9_.-]+)\s*\]/.exec(line)?.[1];
    if (header !== undefined) {
      table = header.split(".");
      lines.set(table.join("."), index + 1);
      continue;
    }
    const key = /^\s*([A-Za-z0-9_.-]+)\s*=/.exec(line)?.[1];
    if (key !== undefined) lines.set([...table, ...key.split(".")].join("."), index + 1);
  }
  return lines;
}
