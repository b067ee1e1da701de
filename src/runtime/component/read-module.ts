/** What a core module takes and gives, read from its own bytes. Its code is V8's and the meter's to judge. */
import { ByteReader } from "./byte-reader.ts";
import type { CoreSort } from "./definition.ts";
import { GATE_LIMITS } from "./gate-limits.ts";
import { refuse } from "./refuse.ts";

export interface ModuleInterface {
  readonly imports: readonly { readonly module: string; readonly name: string; readonly sort: CoreSort }[];
  readonly exports: readonly { readonly name: string; readonly sort: CoreSort }[];
}

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const CUSTOM_SECTION = 0;
const START_SECTION = 8;
const TAG_SECTION = 13;
const SORTS: Readonly<Record<number, CoreSort>> = { 0: "func", 1: "table", 2: "memory", 3: "global", 4: "tag" };

/** Imports and exports of a core module, and a walk over its sections that refuses sizes beyond the bytes. */
export function readModule(bytes: Uint8Array): ModuleInterface {
  if (!PREAMBLE.every((byte, index) => bytes[index] === byte)) {
    refuse("TSK_COMPONENT_MALFORMED", "a core module without the preamble of version 1");
  }
  let imports: ModuleInterface["imports"] = [];
  let exports: ModuleInterface["exports"] = [];
  const reader = new ByteReader(bytes, PREAMBLE.length);
  while (!reader.done) {
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id === 2) imports = readImports(section);
    else if (id === 7) exports = readExports(section);
    else if (id === TAG_SECTION) refuseTags();
  }
  return { imports, exports };
}

/** The module without its custom sections: nothing in them is needed to run, and nobody needs to trust them. */
export function withoutCustomSections(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return without(CUSTOM_SECTION, bytes);
}

/** The module without its start function: instantiating it runs no code of its own. */
export function withoutStart(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return without(START_SECTION, bytes);
}

function without(sectionId: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const kept: Uint8Array[] = [bytes.subarray(0, PREAMBLE.length)];
  const reader = new ByteReader(bytes, PREAMBLE.length);
  while (!reader.done) {
    const start = reader.at;
    const id = reader.byte();
    reader.skip(reader.u32());
    if (id !== sectionId) kept.push(bytes.subarray(start, reader.at));
  }
  return Uint8Array.from(Buffer.concat(kept));
}

function sortOf(byte: number, reader: ByteReader): CoreSort {
  return SORTS[byte] ?? reader.malformed(`an import or export of the unknown sort ${byte}`);
}

function readImports(section: ByteReader): ModuleInterface["imports"] {
  const count = section.count("module imports", GATE_LIMITS.maxEntries);
  return Array.from({ length: count }, () => {
    const module = section.text(GATE_LIMITS.maxNameBytes);
    const name = section.text(GATE_LIMITS.maxNameBytes);
    const byte = section.byte();
    const sort = byte === 0x20 ? refuseExact() : sortOf(byte, section);
    skipImportType(section, sort);
    return { module, name, sort };
  });
}

function refuseExact(): never {
  return refuse("TSK_COMPONENT_UNSUPPORTED", "an import with an exact function type");
}

/** The meter knows them; the translator's validator does not, and without its opinion nothing is admitted. */
function refuseTags(): never {
  return refuse(
    "TSK_COMPONENT_UNSUPPORTED",
    "a core module with exception tags",
    "modules compiled without exceptions",
  );
}

function skipImportType(reader: ByteReader, sort: CoreSort): void {
  switch (sort) {
    case "func":
      reader.u32();
      return;
    case "table":
      skipValueType(reader);
      skipLimits(reader);
      return;
    case "memory":
      skipLimits(reader);
      return;
    case "global":
      skipValueType(reader);
      reader.byte();
      return;
    case "tag":
      refuseTags();
  }
}

/** A value type is one byte, or a reference form followed by a heap type. */
function skipValueType(reader: ByteReader): void {
  const form = reader.byte();
  if (form === 0x63 || form === 0x64) reader.skipLeb(5);
}

function skipLimits(reader: ByteReader): void {
  const flags = reader.byte();
  if ((flags & ~1) !== 0) {
    refuse("TSK_COMPONENT_UNSUPPORTED", "a shared or 64-bit memory or table, or one with a page size of its own");
  }
  reader.u32();
  if ((flags & 1) !== 0) reader.u32();
}

function readExports(section: ByteReader): ModuleInterface["exports"] {
  const count = section.count("module exports", GATE_LIMITS.maxEntries);
  return Array.from({ length: count }, () => {
    const name = section.text(GATE_LIMITS.maxNameBytes);
    const sort = sortOf(section.byte(), section);
    section.u32();
    return { name, sort };
  });
}
