import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { nearestName } from "../domain/nearest-name.ts";
import { joinLayers, type Layer } from "./layer.ts";
import { CONFIG_SCHEMA } from "./schema.ts";
import { readTomlFile } from "./toml-file.ts";

/** The components of `folder/base` and then those of `folder/environments/<environment>`, in that order. */
export function readConfigFolder(folder: string, environment: string): Layer {
  return joinLayers([readBase(folder), readComponents(join(folder, "environments", environment))]);
}

/** What holds in every environment that says nothing else. */
export function readBase(folder: string): Layer {
  return readComponents(join(folder, "base"));
}

/** Environments that the folder knows; none where it has no `environments`. */
export function environmentsOf(folder: string): readonly string[] {
  const path = join(folder, "environments");
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

function readComponents(folder: string): Layer {
  if (!existsSync(folder)) return { settings: [], problems: [] };
  const names = readdirSync(folder).filter((name) => name.endsWith(".toml"));
  return joinLayers(names.sort().map((name) => readComponent(folder, name)));
}

function readComponent(folder: string, name: string): Layer {
  const path = join(folder, name);
  const component = name.slice(0, -".toml".length);
  const components = Object.keys(CONFIG_SCHEMA.fields);
  const node = Object.entries(CONFIG_SCHEMA.fields).find(([known]) => known === component)?.[1];
  if (node !== undefined) return readTomlFile(path, shown(path), component, node);
  const nearest = nearestName(component, components);
  const found = `no component of this name${nearest === undefined ? "" : `, did you mean "${nearest}.toml"`}`;
  const origin = { kind: "file", path: shown(path), line: undefined } as const;
  return { settings: [], problems: [{ origin, key: component, found, accepted: `files ${list(components)}` }] };
}

function list(components: readonly string[]): string {
  return components.map((component) => `"${component}.toml"`).join(", ");
}

/** As a person in the working directory would call it. */
function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}
