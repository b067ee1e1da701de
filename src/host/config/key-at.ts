import type { ConfigKey, ConfigNode } from "./key.ts";
import { CONFIG_SCHEMA } from "./schema.ts";

/** The key or section at a dotted path; undefined where there is none. */
export function keyAt(path: string): ConfigNode | undefined {
  let node: ConfigNode | undefined = CONFIG_SCHEMA;
  for (const name of path.split(".")) {
    if (node?.kind !== "section" || !Object.hasOwn(node.fields, name)) return undefined;
    node = node.fields[name];
  }
  return node;
}

/** Every key with its dotted path, in the schema's order. */
export function allKeys(): readonly (readonly [path: string, key: ConfigKey<unknown>])[] {
  return keysOf(CONFIG_SCHEMA, []);
}

function keysOf(node: ConfigNode, path: readonly string[]): readonly (readonly [string, ConfigKey<unknown>])[] {
  if (node.kind === "key") return [[path.join("."), node]];
  return Object.entries(node.fields).flatMap(([name, child]) => keysOf(child, [...path, name]));
}
