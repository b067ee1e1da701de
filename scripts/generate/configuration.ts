import { checkSettings } from "../../src/host/config/check-settings.ts";
import { environmentsOf, readBase, readConfigFolder } from "../../src/host/config/config-folder.ts";
import { allKeys, keyAt } from "../../src/host/config/key-at.ts";
import type { ConfigKey } from "../../src/host/config/key.ts";
import { shippedConfigDir } from "../../src/host/config/load-config.ts";
import { shownValue } from "../../src/host/config/secrets.ts";
import { variableOf } from "../../src/host/config/text-settings.ts";
import { generatedFrom, type GeneratedDocument, markdownTable } from "./document.ts";

export const configurationDocument: GeneratedDocument = {
  path: "docs/configuration.md",
  text: () => `# Configuration

${generatedFrom("`src/host/config/schema.ts` and `config/`")}

Each section is a file, \`config/base/<section>.toml\`; what differs in an environment stands in
\`config/environments/<environment>/<section>.toml\`. Later ones win:

1. \`config/base/\` and \`config/environments/$TASKER_ENV/\` as they come with the host (\`TASKER_ENV\` is \`development\` unless set);
2. the same two below the folder in \`TASKER_CONFIG_PATH\`, which need hold only what you change;
3. \`DATABASE_URL\`, then \`TASKER_HOST__SECTION__KEY\`: \`${variableOf("sandbox.limits.fuel")}=5_000_000\`; lists with commas;
4. flags of the command.

The host does not start on a key that it does not know, a wrong type or a value out of range: the error names the place, the
key, what was found and what is accepted, all problems at once. \`tasker-host config print\` shows the merged result with where
each value came from, passwords hidden.

${sections().map(sectionText).join("\n\n")}
`,
};

interface Section {
  readonly path: string;
  readonly keys: readonly (readonly [path: string, key: ConfigKey<unknown>])[];
}

/** One for each file, and one for each table in a file. */
function sections(): readonly Section[] {
  const byPath = Map.groupBy(allKeys(), ([path]) => path.slice(0, path.lastIndexOf(".")));
  return [...byPath].map(([path, keys]) => ({ path, keys }));
}

function sectionText({ path, keys }: Section): string {
  const [file = "", ...table] = path.split(".");
  const depth = table.length === 0 ? "##" : "###";
  const title = table.length === 0 ? `\`${file}\`` : `\`${file}\`: table \`[${table.join(".")}]\``;
  const rows = keys.map(([keyPath, key]) => [
    `\`${keyPath.slice(path.length + 1)}\``,
    defaultsOf(keyPath),
    key.accepted,
    key.doc,
  ]);
  // A file that is nothing but tables gets its own heading before the first of them.
  const ownTitle =
    table.length > 0 && isFirstTable(path) && !hasKeys(file) ? `## \`${file}\`\n\n${docOf(file)}\n\n` : "";
  return `${ownTitle}${depth} ${title}\n\n${docOf(path)}\n\n${markdownTable(["key", "default", "accepted", "meaning"], rows)}`;
}

function hasKeys(file: string): boolean {
  return sections().some(({ path }) => path === file);
}

function isFirstTable(path: string): boolean {
  const [file = ""] = path.split(".");
  return sections().find((section) => section.path.startsWith(`${file}.`))?.path === path;
}

function docOf(path: string): string {
  return keyAt(path)?.doc ?? "";
}

/** The default, then what environments say instead. */
function defaultsOf(path: string): string {
  const base = shownDefault(checkSettings(readBase(shippedConfigDir()).settings).winners.get(path)?.value);
  const others = environmentsOf(shippedConfigDir()).flatMap((environment) => {
    const { settings } = readConfigFolder(shippedConfigDir(), environment);
    const value = shownDefault(checkSettings(settings).winners.get(path)?.value);
    return value === base ? [] : [`${environment}: ${value}`];
  });
  return [base, ...others].join("; ");
}

function shownDefault(value: unknown): string {
  return `\`${typeof value === "number" ? value.toLocaleString("en-US").replaceAll(",", "_") : shownValue(value)}\``;
}
