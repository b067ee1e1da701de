import type { Manifest } from "../artifact.ts";
import { quoted, refuse } from "../component/refuse.ts";

const MAX_CALLABLES = 1_000;
const MAX_CALLABLE_CHARS = 500;
const MAX_WORD_CHARS = 200;

/** Callables become keys in a database, a template and a log: visible characters, no space at the ends. */
const CALLABLE = /^[^\s\p{C}](?:[^\p{C}]*[^\s\p{C}])?$/u;
const WORD = /^[A-Za-z0-9][A-Za-z0-9 ._+@:/-]*$/;

/** Holds a manifest against the rules for names. The manifest is the guest's: any text may be in it. */
export function checkManifest(manifest: Manifest): void {
  checkWord("name", manifest.name);
  checkWord("version", manifest.version);
  checkWord("sdk", manifest.sdk);
  const { callables } = manifest;
  if (callables.length === 0 || callables.length > MAX_CALLABLES) {
    invalid(`${callables.length} callables`, `1 to ${MAX_CALLABLES}`);
  }
  for (const callable of callables) {
    const characters = Array.from(callable.slice(0, MAX_CALLABLE_CHARS * 2 + 1)).length;
    if (characters > MAX_CALLABLE_CHARS || !CALLABLE.test(callable)) {
      invalid(
        `the callable ${quoted(callable)}`,
        `1 to ${MAX_CALLABLE_CHARS} visible characters, no space at the ends`,
      );
    }
  }
  if (new Set(callables).size !== callables.length) invalid("a callable that is listed twice", "each one once");
}

function checkWord(member: string, value: string): void {
  if (value.length > MAX_WORD_CHARS || !WORD.test(value)) {
    invalid(`the ${member} ${quoted(value)}`, `1 to ${MAX_WORD_CHARS} characters of letters, digits and . _ + @ : / -`);
  }
}

function invalid(found: string, accepted: string): never {
  return refuse("TSK_COMPONENT_MANIFEST_INVALID", found, accepted);
}
