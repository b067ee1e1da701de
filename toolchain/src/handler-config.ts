import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import { BuildError, messageOf } from "./build-error.ts";
import { GRANTABLE_CAPABILITIES } from "./world.ts";

export const CONFIG_FILE = "handler.toml";

const LANGUAGES = ["typescript", "javascript", "assemblyscript"] as const;
export type Language = (typeof LANGUAGES)[number];

const JAVASCRIPT_ENGINES = ["quickjs", "starlingmonkey"] as const;
/** What runs the handler inside the component; `none` for AssemblyScript, which is compiled. */
export type Engine = (typeof JAVASCRIPT_ENGINES)[number] | "none";

const ASSEMBLYSCRIPT_RUNTIMES = ["incremental", "stub"] as const;
/** How AssemblyScript's memory is managed: collected, or never freed. */
export type AssemblyScriptRuntime = (typeof ASSEMBLYSCRIPT_RUNTIMES)[number];

/** A handler's `handler.toml`, checked. */
export interface HandlerConfig {
  /** The folder that holds it, absolute. */
  readonly folder: string;
  /** Names the component and its file: lower-case letters, digits, `-` and `_`, a letter first. */
  readonly name: string;
  /** `x.y.z`. */
  readonly version: string;
  readonly language: Language;
  /** The module with the handlers, relative to the folder. */
  readonly entry: string;
  readonly engine: Engine;
  /** Read where the language is assemblyscript. Default `incremental`. */
  readonly runtime: AssemblyScriptRuntime;
  /** Capabilities besides `log`, sorted. */
  readonly capabilities: readonly string[];
}

const KEYS = ["name", "version", "language", "entry", "engine", "runtime", "capabilities"] as const;
type Key = (typeof KEYS)[number];

/** Reads and checks `<folder>/handler.toml`. Throws `BuildError` (`TSK_BUILD_CONFIG`) with file and line. */
export function readHandlerConfig(folder: string): HandlerConfig {
  const absolute = resolve(folder);
  return new ConfigReader(absolute, readText(join(absolute, CONFIG_FILE))).read();
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new BuildError({
      code: "TSK_BUILD_CONFIG",
      attempted: `Cannot read "${path}"`,
      found: messageOf(error),
      accepted: `a folder with a ${CONFIG_FILE}`,
    });
  }
}

/** The text with its values; every refusal finds the line of its key in the text. */
class ConfigReader {
  readonly #folder: string;
  readonly #text: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(folder: string, text: string) {
    this.#folder = folder;
    this.#text = text;
    this.#values = parseToml(text);
  }

  read(): HandlerConfig {
    for (const key of Object.keys(this.#values)) {
      if (!KEYS.some((known) => known === key)) this.#refuse(key, `the unknown key "${key}"`, KEYS.join(", "));
    }
    const language = this.#oneOf("language", LANGUAGES);
    return {
      folder: this.#folder,
      name: this.#match(
        "name",
        /^[a-z][a-z0-9_-]{0,63}$/,
        "a lower-case letter, then letters, digits, - and _ (at most 64)",
      ),
      version: this.#match("version", /^\d+\.\d+\.\d+$/, 'a version as "1.0.0"'),
      language,
      entry: this.#entry(),
      engine: this.#engine(language),
      runtime: this.#runtime(language),
      capabilities: this.#capabilities(),
    };
  }

  #entry(): string {
    const entry = this.#match("entry", /^[^/\\].*$/, 'a file below the folder, as "src/index.ts"');
    if (entry.split("/").includes("..") || !existsSync(join(this.#folder, entry))) {
      this.#refuse("entry", `"${entry}", which is no file below the folder`, "the module that exports the handlers");
    }
    return entry;
  }

  #engine(language: Language): Engine {
    if (language !== "assemblyscript") {
      return this.#values["engine"] === undefined ? "quickjs" : this.#oneOf("engine", JAVASCRIPT_ENGINES);
    }
    if (this.#values["engine"] !== undefined)
      this.#refuse("engine", "an engine", "none where the language is assemblyscript");
    return "none";
  }

  #runtime(language: Language): AssemblyScriptRuntime {
    if (this.#values["runtime"] === undefined) return "incremental";
    if (language !== "assemblyscript")
      this.#refuse("runtime", "a runtime", "one only where the language is assemblyscript");
    return this.#oneOf("runtime", ASSEMBLYSCRIPT_RUNTIMES);
  }

  #capabilities(): readonly string[] {
    const value = this.#values["capabilities"] ?? [];
    const accepted = `a list of ${GRANTABLE_CAPABILITIES.map((name) => `"${name}"`).join(", ") || "nothing (there are none yet)"}`;
    if (!Array.isArray(value)) return this.#refuse("capabilities", JSON.stringify(value), accepted);
    const names = value.map((name: unknown) => {
      // Always granted; naming it does no harm.
      const known = name === "log" || GRANTABLE_CAPABILITIES.some((capability) => capability === name);
      return known ? String(name) : this.#refuse("capabilities", JSON.stringify(name), accepted);
    });
    return [...new Set(names)].filter((name) => name !== "log").sort();
  }

  #oneOf<Choice extends string>(key: Key, choices: readonly Choice[]): Choice {
    const value = this.#values[key];
    const choice = choices.find((candidate) => candidate === value);
    return choice ?? this.#refuse(key, this.#shown(key), choices.map((each) => `"${each}"`).join(" or "));
  }

  #match(key: Key, pattern: RegExp, accepted: string): string {
    const value = this.#values[key];
    return typeof value === "string" && pattern.test(value) ? value : this.#refuse(key, this.#shown(key), accepted);
  }

  #shown(key: Key): string {
    const value = this.#values[key];
    return value === undefined ? `no key "${key}"` : `${key} = ${JSON.stringify(value)}`;
  }

  #refuse(key: string, found: string, accepted: string): never {
    const line = this.#text.split("\n").findIndex((text) => text.trimStart().startsWith(key)) + 1;
    throw new BuildError({
      code: "TSK_BUILD_CONFIG",
      attempted: "Cannot read the handler's settings",
      found,
      accepted,
      file: CONFIG_FILE,
      line: line === 0 ? undefined : line,
    });
  }
}

function parseToml(text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (error) {
    throw new BuildError(
      {
        code: "TSK_BUILD_CONFIG",
        attempted: "Cannot read the handler's settings",
        found: messageOf(error).split("\n", 1)[0] ?? "",
        accepted: "TOML",
        file: CONFIG_FILE,
        ...(error instanceof TomlError && { line: error.line, column: error.column }),
      },
      { cause: error },
    );
  }
}
