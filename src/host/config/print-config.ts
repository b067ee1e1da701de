import { allKeys } from "./key-at.ts";
import { camelCase, type ConfigKey } from "./key.ts";
import type { LoadedConfig } from "./load-config.ts";
import { describeOrigin } from "./origin.ts";
import { shownValue, withoutSecret } from "./secrets.ts";

/** The merged configuration as text: TOML of one table a section, each line with the place its value came from. Secrets are hidden. */
export function printConfig(loaded: LoadedConfig): string {
  const rows = printedKeys(loaded);
  const width = Math.max(...rows.map(({ line }) => Math.min(line.length, 64)));
  const lines = [`# environment: ${loaded.environment}`];
  let table: string | undefined;
  for (const row of rows) {
    if (row.table !== table) {
      table = row.table;
      lines.push("", `[${table}]`);
    }
    lines.push(`${row.line.padEnd(width)}  # ${row.origin}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The same as JSON: `{ environment, values: { "web.bind_address": { value, from } } }`. Secrets are hidden. */
export function printConfigJson(loaded: LoadedConfig): string {
  const values = Object.fromEntries(
    printedKeys(loaded).map(({ key, value, origin }) => [key, { value, from: origin }]),
  );
  return `${JSON.stringify({ environment: loaded.environment, values }, null, 2)}\n`;
}

interface PrintedKey {
  readonly key: string;
  readonly table: string;
  readonly line: string;
  readonly value: unknown;
  readonly origin: string;
}

function printedKeys(loaded: LoadedConfig): readonly PrintedKey[] {
  return allKeys().map(([path, key]) => printedKey(loaded, path, key));
}

function printedKey(loaded: LoadedConfig, path: string, key: ConfigKey<unknown>): PrintedKey {
  const value = withoutSecret(key, valueAt(loaded.config, path));
  const dot = path.lastIndexOf(".");
  const origin = loaded.sources.get(path);
  return {
    key: path,
    table: path.slice(0, dot),
    line: `${path.slice(dot + 1)} = ${shownValue(value)}`,
    value,
    origin: origin === undefined ? "" : describeOrigin(origin),
  };
}

function valueAt(config: object, path: string): unknown {
  let value: unknown = config;
  for (const name of path.split(".")) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, camelCase(name)) : undefined;
  }
  return value;
}
