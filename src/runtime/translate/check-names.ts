import { quoted, refuse } from "../component/refuse.ts";
import type { CheckedBytes } from "./check-bytes.ts";

/**
 * What a name may be made of, and the ` [v2]` that wit-component appends to the second import of one name (Go's linker
 * imports `fd_write` twice). Wide enough for every toolchain seen (`[method]output-stream.write`, `$root`,
 * `cm32p2|local:init/module-loader|resolve`, mangled Rust and C++) and no wider: names are checked before
 * anything is transpiled.
 */
const PLAIN_NAME = /^[A-Za-z0-9_$.:/@#|[\]~+-]*(?: \[v\d{1,2}\])?$/;
const ACCEPTED = "letters, digits and _ $ . : / @ # | [ ] ~ + -";

/** Names that mean something to JavaScript objects where a lookup or an `await` could meet them. */
const SPECIAL_NAMES: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  "prototype",
  "then",
]);

/** Holds every name in the component, at every level, against the allow-list. */
export function checkNames({ definition, modules }: CheckedBytes): void {
  checkStrings(definition);
  checkStrings(modules);
}

/**
 * Every string that was read from the bytes is a name; the words of the definitions themselves pass as well.
 * Going over all of them is what makes sure that none is forgotten. Depth is bounded by the reader.
 */
function checkStrings(value: unknown): void {
  if (typeof value === "string") checkName(value);
  else if (Array.isArray(value)) value.forEach(checkStrings);
  else if (typeof value === "object" && value !== null) Object.values(value).forEach(checkStrings);
}

function checkName(name: string): void {
  if (!PLAIN_NAME.test(name) || name.includes("//")) {
    refuse("TSK_COMPONENT_NAME_REFUSED", `the name ${quoted(name)}`, ACCEPTED);
  }
  if (SPECIAL_NAMES.has(name)) {
    refuse("TSK_COMPONENT_NAME_REFUSED", `the name ${quoted(name)}`, "any name that JavaScript gives no meaning to");
  }
}
