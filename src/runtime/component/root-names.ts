/**
 * What a component imports and exports, by name: read in the host itself, of bytes of any origin. All other sections are
 * passed over by their length, so it takes time for the names and memory for nothing else. Where the
 * reader of everything (`read-component.ts`) accepts a component, both find the same names.
 */
import { ByteReader } from "./byte-reader.ts";
import { GATE_LIMITS } from "./gate-limits.ts";
import { readExport, readImport } from "./read-component.ts";
import { refuse } from "./refuse.ts";

export interface RootNames {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
}

const PREAMBLE_BYTES = 8;
const IMPORTS = 10;
const EXPORTS = 11;

/** @throws with a `TSK_COMPONENT_` code for bytes that are no component. */
export function rootNames(bytes: Uint8Array): RootNames {
  const reader = new ByteReader(bytes);
  reader.skip(PREAMBLE_BYTES);
  const imports: string[] = [];
  const exports: string[] = [];
  for (let sections = 1; !reader.done; sections += 1) {
    if (sections > GATE_LIMITS.maxSections) refuse("TSK_COMPONENT_TOO_LARGE", "too many sections");
    const id = reader.byte();
    const section = reader.part(reader.u32());
    if (id === IMPORTS) readNames(section, readImport, imports);
    if (id === EXPORTS) readNames(section, readExport, exports);
  }
  return { imports, exports };
}

function readNames(section: ByteReader, read: (reader: ByteReader) => { readonly name: string }, into: string[]): void {
  const count = section.count("entries of a section", GATE_LIMITS.maxEntries - into.length);
  for (let index = 0; index < count; index += 1) into.push(read(section).name);
}
