import { globSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CONFIG_FILE } from "./handler-config.ts";

const SKIPPED = ["node_modules", "build"];

/** The folders below `directory` (itself included) that hold a `handler.toml`, absolute, in the order of their names. */
export function discoverHandlers(directory: string): string[] {
  const root = resolve(directory);
  return globSync(`**/${CONFIG_FILE}`, { cwd: root, exclude: (name) => SKIPPED.includes(name) })
    .map((file) => dirname(join(root, file)))
    .sort();
}
