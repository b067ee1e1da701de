import { nearestName } from "../domain/nearest-name.ts";
import { allKeys, keyAt } from "./key-at.ts";
import type { ConfigKey } from "./key.ts";
import type { ConfigProblem, Setting } from "./layer.ts";
import { shownValue } from "./secrets.ts";

export interface CheckedSettings {
  /** The winning setting of each key: the last one. */
  readonly winners: ReadonlyMap<string, Setting>;
  readonly problems: readonly ConfigProblem[];
}

/** Checks every setting, also those that a later layer overrides: a wrong line is a trap even where it is hidden today. */
export function checkSettings(settings: readonly Setting[]): CheckedSettings {
  const winners = new Map<string, Setting>();
  const problems: ConfigProblem[] = [];
  for (const setting of settings) {
    const node = keyAt(setting.key);
    if (node === undefined) problems.push(unknownKey(setting));
    else if (node.kind === "section") problems.push(notATable(setting, Object.keys(node.fields)));
    else if (node.schema.safeParse(setting.value).success) winners.set(setting.key, setting);
    else problems.push(wrongValue(setting, node));
  }
  return { winners, problems };
}

function unknownKey({ key, origin }: Setting): ConfigProblem {
  const section = key.slice(0, Math.max(0, key.lastIndexOf(".")));
  const siblings = allKeys()
    .map(([path]) => path)
    .filter((path) => path.startsWith(`${section}.`));
  const candidates = siblings.length > 0 ? siblings : allKeys().map(([path]) => path);
  const nearest = nearestName(key, candidates);
  const found = `no key of this name${nearest === undefined ? "" : `, did you mean "${nearest}"`}`;
  return { key, origin, found, accepted: namesOf(candidates) };
}

function notATable({ key, origin, value }: Setting, names: readonly string[]): ConfigProblem {
  return { key, origin, found: shownValue(value), accepted: `a table with ${namesOf(names)}` };
}

function wrongValue({ key, origin, value }: Setting, node: ConfigKey<unknown>): ConfigProblem {
  return {
    key,
    origin,
    found: node.secret ? "a value of another form (hidden)" : shownValue(value),
    accepted: node.accepted,
  };
}

function namesOf(names: readonly string[]): string {
  return names.length > 20 ? "the keys of docs/configuration.md" : names.map((name) => `"${name}"`).join(", ");
}
