import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { TaskerError } from "../../core/errors/index.ts";
import { checkSettings } from "./check-settings.ts";
import { environmentsOf, readConfigFolder } from "./config-folder.ts";
import { allKeys } from "./key-at.ts";
import { camelCase, type ConfigNode } from "./key.ts";
import { type ConfigProblem, joinLayers, type Setting } from "./layer.ts";
import { describeOrigin, type Origin } from "./origin.ts";
import { brokenRules } from "./rules.ts";
import { CONFIG_SCHEMA, type HostConfig } from "./schema.ts";
import { type ConfigFlag, settingsOfFlags, settingsOfVariables } from "./text-settings.ts";

export interface ConfigSources {
  readonly env: NodeJS.ProcessEnv;
  /** A folder laid out like `config/`, over the one that comes with the host. Default: `TASKER_CONFIG_PATH`, else none. */
  readonly configDir?: string | undefined;
  readonly flags?: readonly ConfigFlag[] | undefined;
}

export interface LoadedConfig {
  readonly config: HostConfig;
  /** Where each value came from, by dotted path in TOML spelling: `web.bind_address`. */
  readonly sources: ReadonlyMap<string, Origin>;
  /** `TASKER_ENV`, default "development". */
  readonly environment: string;
}

/**
 * Reads and checks the configuration. Later ones win: the host's own `config/base` and `config/environments/<env>`, the
 * same two of the operator's folder, `DATABASE_URL` and `TASKER_HOST__…`, flags.
 *
 * @throws TSK_CONFIG_INVALID naming every problem at once: place, key, what was found, what is accepted.
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const folders = configFolders(sources);
  const environment = chosenEnvironment(sources.env, folders);
  const layers = joinLayers(folders.map((folder) => readConfigFolder(folder, environment)));
  const settings = [...layers.settings, ...settingsOfVariables(sources.env), ...settingsOfFlags(sources.flags ?? [])];
  const checked = checkSettings(settings);
  refuse([...layers.problems, ...checked.problems]);
  const config = buildConfig(checked.winners);
  refuse(brokenRules(config).map((breach) => ({ ...breach, origin: originOf(checked.winners, breach.key) })));
  const origins = new Map(allKeys().map(([key]) => [key, originOf(checked.winners, key)]));
  return { config, sources: origins, environment };
}

/** The folder `config/` that comes with the host, in a clone as in an installed package. */
export function shippedConfigDir(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, "config");
    if (existsSync(join(candidate, "base"))) return candidate;
    if (folder === dirname(folder)) {
      throw new TaskerError("TSK_CONFIG_INVALID", {
        attempted: "Cannot load the configuration",
        found: "the folder config/ that comes with the host is missing",
        accepted: "an unbroken installation",
      });
    }
  }
}

function configFolders({ env, configDir }: ConfigSources): readonly string[] {
  const variable = env["TASKER_CONFIG_PATH"] ?? "";
  const operators = configDir ?? variable;
  if (operators === "") return [shippedConfigDir()];
  if (statSync(operators, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const origin: Origin =
      configDir === undefined ? { kind: "variable", name: "TASKER_CONFIG_PATH" } : { kind: "flag", name: "--config" };
    const found = `"${operators}", which is no folder`;
    refuse([{ origin, key: "", found, accepted: "a folder with base/*.toml or environments/<env>/*.toml" }]);
  }
  return [shippedConfigDir(), operators];
}

function chosenEnvironment(env: NodeJS.ProcessEnv, folders: readonly string[]): string {
  const chosen = env["TASKER_ENV"] ?? "";
  if (chosen === "") return "development";
  const known = [...new Set(folders.flatMap(environmentsOf))];
  if (!known.includes(chosen)) {
    const accepted = known.map((name) => `"${name}"`).join(", ");
    refuse([{ origin: { kind: "variable", name: "TASKER_ENV" }, key: "", found: `"${chosen}"`, accepted }]);
  }
  return chosen;
}

/** @throws TSK_CONFIG_INVALID where there is a problem. */
function refuse(problems: readonly ConfigProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const details = {
    problems: problems.map(({ origin, key, found, accepted }) => ({
      at: describeOrigin(origin),
      key,
      found,
      accepted,
    })),
  };
  const attempted = "Cannot load the configuration";
  if (problems.length === 1) {
    const found = `${placeOf(first)} is ${first.found}`;
    throw new TaskerError("TSK_CONFIG_INVALID", { attempted, found, accepted: first.accepted, details });
  }
  const list = problems.map((problem) => `\n  ${placeOf(problem)} is ${problem.found} (accepted: ${problem.accepted})`);
  throw new TaskerError("TSK_CONFIG_INVALID", {
    attempted,
    found: `${problems.length} problems${list.join("")}`,
    details,
  });
}

function placeOf({ origin, key }: ConfigProblem): string {
  return key === "" ? describeOrigin(origin) : `"${key}" in ${describeOrigin(origin)}`;
}

function originOf(winners: ReadonlyMap<string, Setting>, key: string): Origin {
  const setting = winners.get(key);
  return setting?.origin ?? { kind: "file", path: shippedConfigDir(), line: undefined };
}

function buildConfig(winners: ReadonlyMap<string, Setting>): HostConfig {
  const missing = allKeys().filter(([key]) => !winners.has(key));
  refuse(missing.map(([key, { accepted }]) => ({ origin: originOf(winners, key), key, found: "missing", accepted })));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every key of the schema is there and has passed its own zod schema
  return valueOf(CONFIG_SCHEMA, []) as HostConfig;

  function valueOf(node: ConfigNode, path: readonly string[]): unknown {
    if (node.kind === "key") return winners.get(path.join("."))?.value;
    const entries = Object.entries(node.fields).map(([name, child]) => [
      camelCase(name),
      valueOf(child, [...path, name]),
    ]);
    return Object.freeze(Object.fromEntries(entries));
  }
}
