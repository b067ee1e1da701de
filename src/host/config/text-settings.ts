import { keyAt } from "./key-at.ts";
import type { Setting } from "./layer.ts";
import type { Origin } from "./origin.ts";

/** A value from the command line: `{ flag: "--listen", key: "web.bind_address", value: "127.0.0.1:0" }`. */
export interface ConfigFlag {
  readonly flag: string;
  readonly key: string;
  readonly value: string;
}

const PREFIX = "TASKER_HOST__";

/** `DATABASE_URL`, and every `TASKER_HOST__SECTION__KEY`. An empty `DATABASE_URL` counts as none. */
export function settingsOfVariables(env: NodeJS.ProcessEnv): readonly Setting[] {
  const url = env["DATABASE_URL"] ?? "";
  const general = url === "" ? [] : [fromText("database.url", url, { kind: "variable", name: "DATABASE_URL" })];
  const ours = Object.entries(env)
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, value = ""]) => fromText(keyOfVariable(name), value, { kind: "variable", name }));
  // The name that says more wins over the general one.
  return [...general, ...ours];
}

export function settingsOfFlags(flags: readonly ConfigFlag[]): readonly Setting[] {
  return flags.map(({ flag, key, value }) => fromText(key, value, { kind: "flag", name: flag }));
}

/** The variable that sets `key`: `TASKER_HOST__WEB__BIND_ADDRESS` for `web.bind_address`. */
export function variableOf(key: string): string {
  return PREFIX + key.toUpperCase().replaceAll(".", "__");
}

function keyOfVariable(name: string): string {
  return name.slice(PREFIX.length).toLowerCase().replaceAll("__", ".");
}

function fromText(key: string, text: string, origin: Origin): Setting {
  const node = keyAt(key);
  return { key, value: node?.kind === "key" ? node.fromText(text) : text, origin };
}
