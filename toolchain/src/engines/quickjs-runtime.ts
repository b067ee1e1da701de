/**
 * The QuickJS runtime that componentize-qjs embeds, with its clock and randomness tied down.
 *
 * componentize-qjs takes a snapshot of the running engine. While it runs it asks WASI for the time (the engine's random
 * state, `performance`'s origin) and for a hash seed (Rust's maps), so that two builds of one source differ in some 130
 * bytes. The component's digest is its identity, so this must not be. The runtime is a WebAssembly library inside the
 * addon; this module takes it out, exchanges three *names* in its import section, and hands it back as a custom runtime:
 *
 * | asked for | answered by | which gives |
 * |---|---|---|
 * | `wasi:random/insecure-seed#insecure-seed` | `wasi:clocks/wall-clock@0.2.9#resolution` | a constant |
 * | `wasi:clocks/wall-clock#now` | `wasi:clocks/wall-clock#resolution` | a constant, of the same type |
 * | `wasi:clocks/monotonic-clock#now` | `wasi:clocks/monotonic-clock#resolution` | a constant, of the same type |
 *
 * (One name may not be imported twice, hence the other version in the first row; both are one interface afterwards.)
 * None is called when a step runs: the SDK brings its own clock and randomness.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { BuildError } from "../build-error.ts";
import {
  type ImportEntry,
  IMPORT_SECTION,
  PREAMBLE,
  readImports,
  readSections,
  readUnsigned,
  writeImports,
  writeSections,
} from "./core-module.ts";

const CLOCK = "wasi:clocks/wall-clock";
const MONOTONIC = "wasi:clocks/monotonic-clock";

/** From `module#name`, whatever the version, to the constant that stands in. */
const STAND_INS: Readonly<
  Record<string, { readonly module: string; readonly version?: string; readonly name: string }>
> = {
  "wasi:random/insecure-seed#insecure-seed": { module: CLOCK, version: "0.2.9", name: "resolution" },
  [`${CLOCK}#now`]: { module: CLOCK, name: "resolution" },
  [`${MONOTONIC}#now`]: { module: MONOTONIC, name: "resolution" },
};

/** The patched runtime's bytes. Throws `BuildError` (`TSK_BUILD_ENGINE`) where the addon is not the one that is known. */
export function deterministicQuickJsRuntime(): Buffer {
  const addon = readFileSync(addonPath());
  const libraries = modulesIn(addon).filter((module) =>
    importNames(module).includes("local:init/module-loader#resolve"),
  );
  // The addon holds four: with and without component-model async, each also in a smaller and slower build.
  const synchronous = libraries.filter((module) => !importNames(module).some((name) => name.includes("[waitable-")));
  const [runtime] = synchronous.sort((a, b) => b.length - a.length);
  if (runtime === undefined || synchronous.length !== 2) {
    throw unknownAddon(`${libraries.length} runtimes in its addon, ${synchronous.length} of them synchronous`);
  }
  return exchangeImports(runtime);
}

/** The addon's file, found the way componentize-qjs finds it: an optional dependency named after the platform. */
function addonPath(): string {
  const requireHere = createRequire(import.meta.url);
  const requireThere = createRequire(requireHere.resolve("componentize-qjs"));
  const packages = ["", "-gnu", "-musl", "-msvc"].map(
    (libc) => `@andreiltd/componentize-qjs-binding-${process.platform}-${process.arch}${libc}`,
  );
  for (const name of packages) {
    try {
      return requireThere.resolve(name);
    } catch {
      // Another C library's package is installed instead.
    }
  }
  throw unknownAddon(`none of the packages ${packages.join(", ")}`);
}

function unknownAddon(found: string): BuildError {
  return new BuildError({
    code: "TSK_BUILD_ENGINE",
    attempted: "Cannot take the QuickJS runtime out of componentize-qjs",
    found,
    accepted: "componentize-qjs 0.4.5, installed for this platform",
  });
}

/** Every WebAssembly module in `bytes`, uncompressed as the addon's build put them there. */
function modulesIn(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = bytes.indexOf(PREAMBLE); at >= 0; at = bytes.indexOf(PREAMBLE, at + 1)) {
    const end = endOfModule(bytes, at);
    if (end - at > 100_000) found.push(bytes.subarray(at, end));
  }
  return found;
}

function endOfModule(bytes: Buffer, start: number): number {
  let at = start + PREAMBLE.length;
  while (at + 2 < bytes.length) {
    const id = bytes[at] ?? 0;
    if (id > 13 || bytes.subarray(at, at + PREAMBLE.length).equals(PREAMBLE)) return at;
    const [size, body] = readUnsigned(bytes, at + 1);
    // Zeroes after the module read as empty sections.
    if (size === 0 || body + size > bytes.length) return at;
    at = body + size;
  }
  return at;
}

function importNames(module: Buffer): string[] {
  return readImports(readSections(module)).map(withoutVersion);
}

function withoutVersion({ module, name }: ImportEntry): string {
  return `${module.split("@", 1)[0]}#${name}`;
}

function exchangeImports(runtime: Buffer): Buffer {
  const wanted = Object.keys(STAND_INS).length;
  let exchanged = 0;
  const sections = readSections(runtime);
  const imports = readImports(sections).map((entry) => {
    const standIn = STAND_INS[withoutVersion(entry)];
    if (standIn === undefined) return entry;
    exchanged += 1;
    const version = standIn.version ?? entry.module.split("@")[1];
    return { ...entry, module: `${standIn.module}@${version}`, name: standIn.name };
  });
  if (exchanged !== wanted) throw unknownAddon(`${exchanged} of ${wanted} imports to exchange`);
  return writeSections(
    sections.map(({ id, body }) => ({ id, body: id === IMPORT_SECTION ? writeImports(imports) : body })),
  );
}
