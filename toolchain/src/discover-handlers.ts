import { globSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CONFIG_FILE } from "./handler-config.ts";

/** The folders below `directory` (itself included) that hold a `handler.toml`, absolute, in the order of their names. */
export function discoverHandlers(directory: string): string[] {
  const root = resolve(directory);
  const skip = (name: string): boolean => name === "node_modules" || name === "build";
  return globSync(`**/${CONFIG_FILE}`, { cwd: root, exclude: skip })
    .map((file) => dirname(join(root, file)))
    .sort();
}
