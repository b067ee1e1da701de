/**
 * What the original module declares, section by section: enough to know every index space before the first function
 * body is rewritten. The module is valid (V8 said so); what is read here is what metering must know, cap or refuse.
 */
import { ByteReader } from "../../component/byte-reader.ts";
import { quoted, refuse } from "../../component/refuse.ts";
import { skipConstExpression } from "./const-expression.ts";
import { type FunctionType, readTypes } from "./function-type.ts";
import { METER_NAMESPACE, type MeteredTable, type MeterLimits } from "./metered-module.ts";
import { skipValueType } from "./value-type.ts";

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

export const EXTERN = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

/** A table, imported or defined. `reference` is its encoded element type. */
export interface TableShape extends MeteredTable {
  readonly reference: Uint8Array;
}

export interface MemoryShape {
  readonly minPages: number;
  readonly maxPages?: number;
}

export interface ModuleShape {
  readonly bytes: Uint8Array;
  readonly types: readonly FunctionType[];
  /** Type indices of all functions, imported ones first. */
  readonly functions: readonly number[];
  readonly importedFunctions: number;
  readonly tables: readonly TableShape[];
  readonly importedTables: number;
  readonly memories: readonly MemoryShape[];
  readonly importedMemories: number;
  readonly globals: number;
  readonly importedGlobals: number;
  /** Type indices of all tags. */
  readonly tags: readonly number[];
  /** Something outside the function bodies has the type v128. */
  readonly holdsVectors: boolean;
  /** A reader over the content of a section that the module has once at most. */
  section(id: number): ByteReader | undefined;
  readonly customSections: readonly ByteReader[];
}

const PREAMBLE_BYTES = 8;

export function readShape(bytes: Uint8Array, limits: MeterLimits): ModuleShape {
  const sections = new Map<number, ByteReader>();
  const customSections: ByteReader[] = [];
  const reader = new ByteReader(bytes, PREAMBLE_BYTES);
  while (!reader.done) {
    const id = reader.byte();
    const content = reader.part(reader.u32());
    if (id === SECTION.custom) customSections.push(content);
    else if (id > SECTION.tag) refuse("TSK_COMPONENT_UNSUPPORTED", `a section of the unknown kind ${id}`);
    else sections.set(id, content);
  }
  const section = (id: number): ByteReader | undefined => {
    const found = sections.get(id);
    return found && new ByteReader(found.bytes, found.at, found.end);
  };

  const typeSection = section(SECTION.type);
  const draft: Draft = {
    functions: [],
    tables: [],
    memories: [],
    tags: [],
    globals: 0,
    holdsVectors: false,
  };
  readImports(section(SECTION.import), draft, limits);
  const imported = {
    importedFunctions: draft.functions.length,
    importedTables: draft.tables.length,
    importedMemories: draft.memories.length,
    importedGlobals: draft.globals,
  };
  readFunctions(section(SECTION.function), draft, limits);
  readTables(section(SECTION.table), draft, limits);
  readMemories(section(SECTION.memory), draft, limits);
  readTags(section(SECTION.tag), draft, limits);
  readGlobals(section(SECTION.global), draft, limits);
  const types = typeSection === undefined ? [] : readTypes(typeSection, limits);
  checkInitialSizes(draft, imported.importedTables, imported.importedMemories, limits);
  return {
    bytes,
    types,
    ...draft,
    ...imported,
    holdsVectors: draft.holdsVectors || types.some((type) => type.params.holdsVector || type.results.holdsVector),
    section,
    customSections,
  };
}

interface Draft {
  readonly functions: number[];
  readonly tables: TableShape[];
  readonly memories: MemoryShape[];
  readonly tags: number[];
  globals: number;
  holdsVectors: boolean;
}

function readImports(reader: ByteReader | undefined, draft: Draft, limits: MeterLimits): void {
  const count = reader?.count("imports", limits.maxImports) ?? 0;
  if (reader === undefined) return;
  for (let index = 0; index < count; index += 1) {
    const module = reader.text(reader.end);
    const name = reader.text(reader.end);
    if (module.startsWith(METER_NAMESPACE)) {
      refuse("TSK_COMPONENT_RESERVED_IMPORT", `an import ${quoted(module)} ${quoted(name)}`);
    }
    readImportType(reader, draft, limits);
  }
}

function readImportType(reader: ByteReader, draft: Draft, limits: MeterLimits): void {
  const kind = reader.byte();
  switch (kind) {
    case EXTERN.function:
      draft.functions.push(reader.u32());
      break;
    case EXTERN.table:
      draft.tables.push(readTableType(reader));
      capped("tables", draft.tables.length, limits.maxTables);
      break;
    case EXTERN.memory:
      draft.memories.push(readMemoryType(reader));
      capped("memories", draft.memories.length, limits.maxMemories);
      break;
    case EXTERN.global:
      readGlobalType(reader, draft);
      break;
    case EXTERN.tag:
      draft.tags.push(readTagType(reader));
      break;
    default:
      refuse("TSK_COMPONENT_UNSUPPORTED", `an import of the unknown kind ${kind}`);
  }
}

function readFunctions(reader: ByteReader | undefined, draft: Draft, limits: MeterLimits): void {
  const count = reader?.count("functions", limits.maxFunctions) ?? 0;
  if (reader === undefined) return;
  for (let index = 0; index < count; index += 1) draft.functions.push(reader.u32());
  capped("functions", draft.functions.length, limits.maxFunctions);
}

/** A table in the table section may begin with 0x40 0x00 and then has an expression for its entries. */
export const TABLE_WITH_EXPRESSION = 0x40;

function readTables(reader: ByteReader | undefined, draft: Draft, limits: MeterLimits): void {
  const count = reader?.count("tables", limits.maxTables) ?? 0;
  if (reader === undefined) return;
  for (let index = 0; index < count; index += 1) {
    const withExpression = reader.peek() === TABLE_WITH_EXPRESSION;
    if (withExpression) reader.skip(2);
    draft.tables.push(readTableType(reader));
    if (withExpression) skipConstExpression(reader, limits);
  }
  capped("tables", draft.tables.length, limits.maxTables);
}

function readMemories(reader: ByteReader | undefined, draft: Draft, limits: MeterLimits): void {
  const count = reader?.count("memories", limits.maxMemories) ?? 0;
  if (reader === undefined) return;
  for (let index = 0; index < count; index += 1) draft.memories.push(readMemoryType(reader));
  capped("memories", draft.memories.length, limits.maxMemories);
}

function readTags(reader: ByteReader | undefined, draft: Draft, limits: MeterLimits): void {
  const count = reader?.count("tags", limits.maxTags) ?? 0;
  if (reader === undefined) return;
  for (let index = 0; index < count; index += 1) draft.tags.push(readTagType(reader));
}

/** An attribute, which is always 0 but may be written long, and the type index. */
export function readTagType(reader: ByteReader): number {
  reader.u32();
  return reader.u32();
}

function readGlobals(reader: ByteReader | undefined, draft: Draft, limits: MeterLimits): void {
  const count = reader?.count("globals", limits.maxGlobals) ?? 0;
  if (reader === undefined) return;
  for (let index = 0; index < count; index += 1) {
    readGlobalType(reader, draft);
    skipConstExpression(reader, limits);
  }
  capped("globals", draft.globals, limits.maxGlobals);
}

function readGlobalType(reader: ByteReader, draft: Draft): void {
  if (skipValueType(reader)) draft.holdsVectors = true;
  const mutability = reader.byte();
  if (mutability > 1) refuse("TSK_COMPONENT_UNSUPPORTED", "a shared global");
  draft.globals += 1;
}

function readTableType(reader: ByteReader): TableShape {
  const start = reader.at;
  skipValueType(reader);
  const reference = reader.bytes.subarray(start, reader.at);
  const { min, max } = readLimits(reader, "a shared or 64-bit table");
  return { reference, minEntries: min, ...(max === undefined ? {} : { maxEntries: max }) };
}

function readMemoryType(reader: ByteReader): MemoryShape {
  const { min, max } = readLimits(reader, "a shared or 64-bit memory, or one with a page size of its own");
  return { minPages: min, ...(max === undefined ? {} : { maxPages: max }) };
}

function readLimits(reader: ByteReader, refused: string): { min: number; max: number | undefined } {
  const flags = reader.byte();
  if ((flags & ~1) !== 0) refuse("TSK_COMPONENT_UNSUPPORTED", refused);
  const min = reader.u32();
  return { min, max: flags === 1 ? reader.u32() : undefined };
}

function checkInitialSizes(draft: Draft, importedTables: number, importedMemories: number, limits: MeterLimits): void {
  const entries = draft.tables.slice(importedTables).reduce((sum, table) => sum + table.minEntries, 0);
  capped("table entries at instantiation", entries, limits.maxTableEntries);
  const pages = draft.memories.slice(importedMemories).reduce((sum, memory) => sum + memory.minPages, 0);
  capped("pages of memory at instantiation", pages, limits.maxMemoryPages);
}

/**
 * Bytes that so many may become by metering: the code of a module, and all modules of a component. Engines grow by a third to
 * a half; a module made for it (hundreds of parameters on each of thousands of exports) could grow a hundredfold. What
 * metering adds to however small a module is the megabyte.
 */
export function maxMeteredBytes(bytes: number): number {
  return bytes * 3 + 1_048_576;
}

/** Refuses a count beyond its cap. */
export function capped(what: string, count: number, max: number): void {
  if (count > max) refuse("TSK_COMPONENT_TOO_LARGE", `${count} ${what} in a core module`, `at most ${max}`);
}
