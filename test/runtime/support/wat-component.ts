/** Tiny and hostile guests: core modules in WAT, made components of with the real tools. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";

const WIT = join(import.meta.dirname, "../../../wit/tasker-handler@1.0.0");

/** The contract's files as one source: the package line may stand only once. */
export const WIT_SOURCE = ["types", "capabilities", "world"]
  .map((name) => readFileSync(join(WIT, `${name}.wit`), "utf8"))
  .map((text, index) => (index === 0 ? text : text.replace(/^package .*$/m, "")))
  .join("\n");

/** Where a lowered step-context has its members (canonical ABI, 32-bit pointers). */
export const CONTEXT = { stepName: 60, attempt: 96, nowMs: 104, seed: 120, context: 128, attributes: 200 } as const;

export interface WatGuest {
  /** Body of `handle`: `$context` is the pointer to the step-context, an i32 pointer to the outcome is left on the stack. */
  readonly handle: string;
  /** Body of `describe`; leaves the pointer to a manifest. Default: a manifest with the callable `test`. */
  readonly describe?: string;
  /** Further fields of the module. */
  readonly fields?: string;
  /** Imports; they have to come first. */
  readonly imports?: string;
  /** Limits of the memory in pages. Default `4`. */
  readonly memory?: string;
  readonly realloc?: string;
  readonly postReturn?: string;
  readonly encoding?: "utf8" | "utf16";
  /** Replaces the contract's world. */
  readonly wit?: string;
}

export const IMPORT_LOG = `(import "tasker:handler/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))`;
export const IMPORT_ABORT = `(import "tasker:handler/abort@1.0.0" "abort" (func $abort (param i32 i32 i32 i32 i32 i32)))`;

/** Addresses 0 to 8191 are the guest's own; `cabi_realloc` gives what lies behind. */
const HEAP = 8_192;
const BUMP = `
  (local $start i32)
  (local.set $start (i32.and (i32.add (global.get $heap) (i32.sub (local.get 2) (i32.const 1))) (i32.sub (i32.const 0) (local.get 2))))
  (global.set $heap (i32.add (local.get $start) (local.get 3)))
  (block $fits
    (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
    (if (i32.eq (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get 3) (i32.const 65536)))) (i32.const -1)) (then unreachable)))
  (memory.copy (local.get $start) (local.get 0) (local.get 1))
  (local.get $start)`;

/** Manifest at 1024: name "wat", version "1", callables ["test"], sdk "wat/1". */
const MANIFEST = `(i32.const 1024)`;
const MANIFEST_DATA = `
  (data (i32.const 1024) "${words(1100, 3, 1110, 1, 1060, 1, 1120, 5)}")
  (data (i32.const 1060) "${words(1130, 4)}")`;
const MANIFEST_TEXTS: Readonly<Record<"utf8" | "utf16", string>> = {
  utf8: `(data (i32.const 1100) "wat") (data (i32.const 1110) "1") (data (i32.const 1120) "wat/1") (data (i32.const 1130) "test")`,
  utf16: `(data (i32.const 1100) "w\\00a\\00t\\00") (data (i32.const 1110) "1\\00") (data (i32.const 1120) "w\\00a\\00t\\00") (data (i32.const 1130) "t\\00e\\00s\\00t\\00")`,
};

export function wat(guest: WatGuest): string {
  const encoding = guest.encoding ?? "utf8";
  const manifest = encoding === "utf8" ? MANIFEST_DATA : MANIFEST_DATA.replace(words(1120, 5), words(1120, 3));
  return `(module
    ${guest.imports ?? ""}
    (memory (export "memory") ${guest.memory ?? "4"})
    (global $heap (mut i32) (i32.const ${HEAP}))
    ${guest.describe === undefined ? manifest + MANIFEST_TEXTS[encoding] : ""}
    (data (i32.const 1200) "{}")
    (data (i32.const 1210) "{\\00}\\00")
    ${guest.fields ?? ""}
    (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) ${guest.realloc ?? BUMP})
    (func (export "tasker:handler/step-handler@1.0.0#describe") (result i32) ${guest.describe ?? MANIFEST})
    (func (export "tasker:handler/step-handler@1.0.0#handle") (param $context i32) (result i32) ${guest.handle})
    ${
      guest.postReturn === undefined
        ? ""
        : `(func (export "cabi_post_tasker:handler/step-handler@1.0.0#handle") (param i32) ${guest.postReturn})`
    }
  )`;
}

/** A success whose result lies at `pointer` with `length` units, metadata `{}`, at address 2048. */
export function success(pointer: string, length: string): string {
  return `
    (i32.store8 (i32.const 2048) (i32.const 0))
    (i32.store (i32.const 2056) ${pointer})
    (i32.store (i32.const 2060) ${length})
    (i32.store (i32.const 2064) (i32.const 1200))
    (i32.store (i32.const 2068) (i32.const 2))
    (i32.store (i32.const 2072) (i32.const 4))
    (i32.store (i32.const 2076) (i32.const 0))
    (i32.const 2048)`;
}

/** The context document back as the result. */
export const ECHO = success(
  `(i32.load (i32.add (local.get $context) (i32.const ${CONTEXT.context})))`,
  `(i32.load (i32.add (local.get $context) (i32.const ${CONTEXT.context + 4})))`,
);

/** A success with the document `{}`. */
export const EMPTY_SUCCESS = success("(i32.const 1200)", "(i32.const 2)");

export async function watComponent(guest: WatGuest): Promise<Uint8Array<ArrayBuffer>> {
  return componentOf(wat(guest), guest);
}

export async function componentOf(
  text: string,
  { encoding = "utf8", wit = WIT_SOURCE }: Pick<WatGuest, "encoding" | "wit"> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const binary = await parse(text);
  const embedded = await componentEmbed({ binary, witSource: wit, world: "handler", stringEncoding: encoding });
  return Uint8Array.from(await componentNew(embedded));
}

/** Little-endian 32-bit words as the text of a data segment. */
export function words(...values: readonly number[]): string {
  return Array.from(
    Uint8Array.from(Buffer.from(Uint32Array.from(values).buffer)),
    (byte) => `\\${byte.toString(16).padStart(2, "0")}`,
  ).join("");
}
