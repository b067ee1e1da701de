import { z } from "zod";

/** One configuration key: what it accepts, how text from a variable or flag becomes a value, and what it is for. */
export interface ConfigKey<T> {
  readonly kind: "key";
  /** Meaning, unit and consequence, in Markdown. */
  readonly doc: string;
  /** What the key accepts, for error messages and the reference. */
  readonly accepted: string;
  /** Never printed: `config print` and error messages show a stand-in. */
  readonly secret: boolean;
  readonly schema: z.ZodType<T>;
  /** The value that the text of a variable or flag stands for; the schema judges it afterwards. */
  readonly fromText: (text: string) => unknown;
}

/** A table of keys: a component file, or a `[table]` in one. */
export interface ConfigSection<F extends ConfigFields> {
  readonly kind: "section";
  readonly doc: string;
  readonly fields: F;
}

export type ConfigNode = ConfigKey<unknown> | ConfigSection<ConfigFields>;

export interface ConfigFields {
  readonly [name: string]: ConfigNode;
}

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** What the program sees of a node: `snake_case` keys become `camelCase`, everything is readonly. */
export type ValueOf<N> =
  N extends ConfigKey<infer T>
    ? T
    : N extends ConfigSection<infer F>
      ? { readonly [K in keyof F & string as CamelCase<K>]: ValueOf<F[K]> }
      : never;

export function section<F extends ConfigFields>(doc: string, fields: F): ConfigSection<F> {
  return { kind: "section", doc, fields };
}

interface Range {
  readonly min: number;
  readonly max: number;
}

/** A whole number within `min` … `max`. */
export function wholeNumber(doc: string, { min, max }: Range): ConfigKey<number> {
  const accepted = `a whole number from ${withSeparators(min)} to ${withSeparators(max)}`;
  return { kind: "key", doc, accepted, secret: false, schema: z.int().min(min).max(max), fromText: numberFromText };
}

/** A number, fractions allowed, within `min` … `max`. */
export function decimal(doc: string, { min, max }: Range): ConfigKey<number> {
  const accepted = `a number from ${withSeparators(min)} to ${withSeparators(max)}`;
  return { kind: "key", doc, accepted, secret: false, schema: z.number().min(min).max(max), fromText: numberFromText };
}

export function flag(doc: string): ConfigKey<boolean> {
  const words = new Map([
    ["true", true],
    ["false", false],
  ]);
  return {
    kind: "key",
    doc,
    accepted: "true or false",
    secret: false,
    schema: z.boolean(),
    fromText: (text) => words.get(text) ?? text,
  };
}

export function choice<const W extends readonly [string, ...string[]]>(doc: string, words: W): ConfigKey<W[number]> {
  const quoted = words.map((word) => `"${word}"`);
  const accepted = quoted.length === 1 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return { kind: "key", doc, accepted, secret: false, schema: z.enum(words), fromText: (text) => text };
}

/** Text that `pattern` matches; `accepted` says the same in words. */
export function text(
  doc: string,
  rule: { readonly pattern: RegExp; readonly accepted: string; readonly secret?: boolean },
): ConfigKey<string> {
  return {
    kind: "key",
    doc,
    accepted: rule.accepted,
    secret: rule.secret ?? false,
    schema: z.string().regex(rule.pattern),
    fromText: (value) => value,
  };
}

/** An array of texts that `pattern` matches; a variable or flag lists them with commas. */
export function textList(
  doc: string,
  rule: { readonly pattern: RegExp; readonly accepted: string },
): ConfigKey<readonly string[]> {
  return {
    kind: "key",
    doc,
    accepted: rule.accepted,
    secret: false,
    schema: z.array(z.string().regex(rule.pattern)).readonly(),
    fromText: (value) =>
      value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
  };
}

/** TOML's own spelling of numbers (`10_000`, `2.5`, `1e9`); other text is handed on for the schema to refuse. */
function numberFromText(value: string): unknown {
  return /^[+-]?\d+(_\d+)*(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? Number(value.replaceAll("_", "")) : value;
}

function withSeparators(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 20 }).replaceAll(",", "_");
}

export function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
