import { isRecord, type YamlDocument, type YamlPath } from "./yaml-document.ts";

/** Tasker reads these keys of a step under either name. */
const STEP_ALIASES = { step_type: "type", depends_on: "dependencies" } as const;

/** The document with one name for each key; positions are found under the name that the file uses. */
export function withoutAliases(yaml: YamlDocument): YamlDocument {
  const { value } = yaml;
  if (!isRecord(value) || !Array.isArray(value["steps"])) return yaml;
  const spelled = new Map<string, string>();
  const steps = value["steps"].map((step: unknown, index) => {
    if (!isRecord(step)) return step;
    const members = Object.entries(step).map(([key, member]) => {
      const name = Object.entries(STEP_ALIASES).find(([alias]) => alias === key)?.[1];
      if (name === undefined || Object.hasOwn(step, name)) return [key, member];
      spelled.set(`${index}.${name}`, key);
      return [name, member];
    });
    return Object.fromEntries(members) as unknown;
  });
  const inFile = (path: YamlPath): YamlPath => {
    const [root, index, name, ...rest] = path;
    const alias = root === "steps" ? spelled.get(`${index}.${name}`) : undefined;
    return alias === undefined ? path : ["steps", index ?? 0, alias, ...rest];
  };
  return {
    value: { ...value, steps },
    positionOf: (path) => yaml.positionOf(inFile(path)),
    positionOfKey: (path) => yaml.positionOfKey(inFile(path)),
  };
}
