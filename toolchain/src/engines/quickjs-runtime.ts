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

const PREAMBLE = Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
const IMPORT_SECTION = 2;

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

interface ImportEntry {
  readonly module: string;
  readonly name: string;
  /** What follows the two names: kind and type, as they stand. */
  readonly type: Buffer;
}

function importNames(module: Buffer): string[] {
  const [section] = sectionsOf(module).filter(({ id }) => id === IMPORT_SECTION);
  return section === undefined ? [] : readImports(section.body).map(withoutVersion);
}

function withoutVersion({ module, name }: ImportEntry): string {
  return `${module.split("@", 1)[0]}#${name}`;
}

function exchangeImports(runtime: Buffer): Buffer {
  const wanted = Object.keys(STAND_INS).length;
  let exchanged = 0;
  const sections = sectionsOf(runtime).map(({ id, body }) => {
    if (id !== IMPORT_SECTION) return section(id, body);
    const entries = readImports(body).map((entry) => {
      const standIn = STAND_INS[withoutVersion(entry)];
      if (standIn === undefined) return entry;
      exchanged += 1;
      const version = standIn.version ?? entry.module.split("@")[1];
      return { ...entry, module: `${standIn.module}@${version}`, name: standIn.name };
    });
    return section(id, writeImports(entries));
  });
  if (exchanged !== wanted) throw unknownAddon(`${exchanged} of ${wanted} imports to exchange`);
  return Buffer.concat([PREAMBLE, ...sections]);
}

function sectionsOf(module: Buffer): { id: number; body: Buffer }[] {
  const sections: { id: number; body: Buffer }[] = [];
  for (let at = PREAMBLE.length; at < module.length;) {
    const [size, start] = readUnsigned(module, at + 1);
    sections.push({ id: module[at] ?? 0, body: module.subarray(start, start + size) });
    at = start + size;
  }
  return sections;
}

function readImports(body: Buffer): ImportEntry[] {
  let [count, at] = readUnsigned(body, 0);
  const entries: ImportEntry[] = [];
  for (; count > 0; count -= 1) {
    const [module, afterModule] = readName(body, at);
    const [name, start] = readName(body, afterModule);
    at = endOfImportType(body, start);
    entries.push({ module, name, type: body.subarray(start, at) });
  }
  return entries;
}

/** Behind the kind and type at `at`: function, table, memory or global. */
function endOfImportType(body: Buffer, at: number): number {
  const kind = body[at] ?? 0;
  if (kind === 0) return readUnsigned(body, at + 1)[1];
  if (kind === 3) return at + 3;
  const flags = kind === 1 ? at + 2 : at + 1;
  const afterMinimum = readUnsigned(body, flags + 1)[1];
  return ((body[flags] ?? 0) & 1) === 1 ? readUnsigned(body, afterMinimum)[1] : afterMinimum;
}

function writeImports(entries: readonly ImportEntry[]): Buffer {
  const name = (text: string): Buffer => Buffer.concat([unsigned(Buffer.byteLength(text)), Buffer.from(text)]);
  return Buffer.concat([
    unsigned(entries.length),
    ...entries.flatMap((entry) => [name(entry.module), name(entry.name), entry.type]),
  ]);
}

function section(id: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([id]), unsigned(body.length), body]);
}

function readName(bytes: Buffer, at: number): [name: string, next: number] {
  const [length, start] = readUnsigned(bytes, at);
  return [bytes.toString("utf8", start, start + length), start + length];
}

/** An unsigned LEB128 number and where it ends. */
function readUnsigned(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0, next = at; ; shift += 7, next += 1) {
    const byte = bytes[next] ?? 0;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, next + 1];
  }
}

function unsigned(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}
