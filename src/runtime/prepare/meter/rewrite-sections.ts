/** The sections of the metered module, each from its original; function bodies are `body-rewriter.ts`. */
import type { ByteReader } from "../../component/byte-reader.ts";
import type { AddedFunctions } from "./added-functions.ts";
import { BodyRewriter } from "./body-rewriter.ts";
import type { BodyContext } from "./body-state.ts";
import { ByteWriter } from "./byte-writer.ts";
import { rewriteConstExpression } from "./const-expression.ts";
import type { InstantiationTally } from "./instantiation-fuel.ts";
import type { IndexMap } from "./const-expression.ts";
import type { MeterIndices } from "./meter-indices.ts";
import { METER_GLOBALS, METER_NAMESPACE, type MeteredMemory, type MeterLimits } from "./metered-module.ts";
import {
  capped,
  EXTERN,
  maxMeteredBytes,
  type ModuleShape,
  readTagType,
  SECTION,
  TABLE_WITH_EXPRESSION,
} from "./module-shape.ts";
import type { TypeSection } from "./type-section.ts";
import { I32, I64, skipValueType } from "./value-type.ts";

export interface Rewriting extends BodyContext {
  readonly tally: InstantiationTally;
  readonly types: TypeSection;
  readonly added: AddedFunctions;
  readonly indices: MeterIndices;
  readonly limits: MeterLimits;
  readonly map: IndexMap;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** The memories that the module defined, by the names under which it is going to import them. */
export function importedMemories(shape: ModuleShape): MeteredMemory[] {
  return shape.memories.slice(shape.importedMemories).map((memory, index) => ({
    importName: `memory${index}`,
    ...memory,
  }));
}

export function rewriteImports({ shape, types, indices }: Rewriting): Bytes {
  const writer = new ByteWriter();
  const reader = shape.section(SECTION.import);
  const count = reader?.u32() ?? 0;
  const memories = importedMemories(shape);
  const total = count + indices.globals.length + memories.length;
  if (total === 0) return writer.take();
  writer.u32(total);
  if (reader !== undefined) {
    for (let index = 0; index < count; index += 1) copyImport(reader, writer, types);
  }
  for (const name of indices.globals) {
    writer.text(METER_NAMESPACE);
    writer.text(name);
    writer.raw(EXTERN.global, METER_GLOBALS[name].value === "i64" ? I64 : I32, 1);
  }
  for (const { importName, minPages, maxPages } of memories) {
    writer.text(METER_NAMESPACE);
    writer.text(importName);
    writer.raw(EXTERN.memory, maxPages === undefined ? 0 : 1);
    writer.u32(minPages);
    if (maxPages !== undefined) writer.u32(maxPages);
  }
  return writer.take();
}

/** A tag is an exception; there is no other kind yet. */
const TAG_ATTRIBUTE = 0;

/** Functions and tags keep their types, which have moved. */
function copyImport(reader: ByteReader, writer: ByteWriter, types: TypeSection): void {
  const start = reader.at;
  reader.skip(reader.u32());
  reader.skip(reader.u32());
  const kind = reader.byte();
  if (kind === EXTERN.function || kind === EXTERN.tag) {
    writer.copy(reader.bytes, start, reader.at);
    if (kind === EXTERN.tag) writer.byte(TAG_ATTRIBUTE);
    writer.u32(types.original(kind === EXTERN.tag ? readTagType(reader) : reader.u32()));
    return;
  }
  if (kind === EXTERN.global || kind === EXTERN.table) skipValueType(reader);
  if (kind === EXTERN.global) reader.byte();
  else skipLimits(reader);
  writer.copy(reader.bytes, start, reader.at);
}

function skipLimits(reader: ByteReader): void {
  const hasMax = reader.byte() === 1;
  reader.u32();
  if (hasMax) reader.u32();
}

export function rewriteFunctions({ shape, added }: Rewriting): Bytes {
  const writer = new ByteWriter();
  const defined = shape.functions.slice(shape.importedFunctions);
  const all = [...defined, ...added.typeIndices];
  if (all.length === 0) return writer.take();
  writer.u32(all.length);
  for (const typeIndex of all) writer.u32(typeIndex);
  return writer.take();
}

export function rewriteTables(rewriting: Rewriting): Bytes {
  const writer = new ByteWriter();
  const reader = rewriting.shape.section(SECTION.table);
  if (reader === undefined) return writer.take();
  const count = reader.u32();
  writer.u32(count);
  for (let index = 0; index < count; index += 1) {
    const start = reader.at;
    const withExpression = reader.peek() === TABLE_WITH_EXPRESSION;
    if (withExpression) reader.skip(2);
    skipValueType(reader);
    skipLimits(reader);
    writer.copy(reader.bytes, start, reader.at);
    if (withExpression) copyExpression(reader, writer, rewriting);
  }
  return writer.take();
}

export function rewriteTags({ shape, types }: Rewriting): Bytes {
  const writer = new ByteWriter();
  const reader = shape.section(SECTION.tag);
  if (reader === undefined) return writer.take();
  const count = reader.u32();
  writer.u32(count);
  for (let index = 0; index < count; index += 1) {
    writer.byte(TAG_ATTRIBUTE);
    writer.u32(types.original(readTagType(reader)));
  }
  return writer.take();
}

export function rewriteGlobals(rewriting: Rewriting): Bytes {
  const writer = new ByteWriter();
  const reader = rewriting.shape.section(SECTION.global);
  if (reader === undefined) return writer.take();
  const count = reader.u32();
  writer.u32(count);
  for (let index = 0; index < count; index += 1) {
    const start = reader.at;
    skipValueType(reader);
    reader.byte();
    writer.copy(reader.bytes, start, reader.at);
    copyExpression(reader, writer, rewriting);
  }
  return writer.take();
}

function copyExpression(reader: ByteReader, writer: ByteWriter, { map, limits, tally }: Rewriting): void {
  tally.constantOperators += rewriteConstExpression(reader, writer, map, limits);
}

export function rewriteExports({ shape, added, map, limits }: Rewriting): Bytes {
  const writer = new ByteWriter();
  const reader = shape.section(SECTION.export);
  if (reader === undefined) return writer.take();
  const count = reader.count("exports", limits.maxExports);
  writer.u32(count);
  for (let index = 0; index < count; index += 1) {
    const start = reader.at;
    reader.skip(reader.u32());
    const kind = reader.byte();
    writer.copy(reader.bytes, start, reader.at);
    const exported = reader.u32();
    if (kind === EXTERN.function) writer.u32(added.outward(exported));
    else writer.u32(kind === EXTERN.global ? map.global(exported) : exported);
  }
  return writer.take();
}

export function rewriteStart({ shape, added }: Rewriting): Bytes {
  const writer = new ByteWriter();
  const reader = shape.section(SECTION.start);
  if (reader !== undefined) writer.u32(added.outward(reader.u32()));
  return writer.take();
}

/** Bits of an element segment's flags. */
const PASSIVE_OR_DECLARED = 1;
const EXPLICIT_TABLE = 2;
const EXPRESSIONS = 4;
const DECLARED = 3;

/** The segments as they were, and one more that declares the functions that some ref.func names. */
export function rewriteElements(rewriting: Rewriting): Bytes {
  const { shape, limits, referenced, tally } = rewriting;
  const writer = new ByteWriter();
  const reader = shape.section(SECTION.element);
  const count = reader?.count("element segments", limits.maxElementSegments) ?? 0;
  const total = count + (referenced.size > 0 ? 1 : 0);
  if (total === 0) return writer.take();
  writer.u32(total);
  if (reader !== undefined) {
    let elements = 0;
    for (let index = 0; index < count; index += 1) {
      elements += rewriteSegment(reader, writer, rewriting);
      capped("elements", elements, limits.maxElements);
    }
    // Passive ones too: V8 makes the references of a whole segment when the first of them is wanted.
    tally.elements += elements;
  }
  if (referenced.size > 0) {
    writer.raw(DECLARED, 0);
    writer.u32(referenced.size);
    for (const index of referenced) writer.u32(index);
  }
  return writer.take();
}

function rewriteSegment(reader: ByteReader, writer: ByteWriter, rewriting: Rewriting): number {
  const flags = reader.u32();
  writer.u32(flags);
  if ((flags & PASSIVE_OR_DECLARED) === 0) {
    if ((flags & EXPLICIT_TABLE) !== 0) writer.u32(reader.u32());
    copyExpression(reader, writer, rewriting);
  }
  if ((flags & (PASSIVE_OR_DECLARED | EXPLICIT_TABLE)) !== 0) {
    const start = reader.at;
    if ((flags & EXPRESSIONS) === 0) reader.byte();
    else skipValueType(reader);
    writer.copy(reader.bytes, start, reader.at);
  }
  const count = reader.u32();
  writer.u32(count);
  for (let index = 0; index < count; index += 1) {
    if ((flags & EXPRESSIONS) === 0) writer.u32(rewriting.map.reference(reader.u32()));
    else copyExpression(reader, writer, rewriting);
  }
  return count;
}

/** All defined bodies, rewritten; the added functions come behind them when all are known. */
export function rewriteBodies(rewriting: Rewriting): ByteWriter {
  const { shape, limits } = rewriting;
  const writer = new ByteWriter((shape.bytes.length * 3) >> 1);
  const reader = shape.section(SECTION.code);
  const count = reader?.u32() ?? 0;
  if (reader === undefined) return writer;
  const rewriter = new BodyRewriter(rewriting);
  for (let index = 0; index < count; index += 1) {
    const size = reader.u32();
    capped("bytes in a function body", size, limits.maxBodyBytes);
    const start = reader.at;
    reader.skip(size);
    rewriter.rewrite(shape.importedFunctions + index, start, reader.at, writer);
    capped("bytes of metered code", writer.length, maxMeteredBytes(shape.bytes.length));
  }
  return writer;
}

export function encodeCode({ shape, added }: Rewriting, bodies: ByteWriter): Bytes {
  const count = shape.functions.length - shape.importedFunctions + added.typeIndices.length;
  const writer = new ByteWriter(bodies.length + added.bodies.length + 16);
  if (count === 0) return writer.take();
  writer.u32(count);
  writer.copy(bodies.view());
  writer.copy(added.bodies);
  return writer.view();
}

export function rewriteData(rewriting: Rewriting): Bytes {
  const { shape, limits, tally } = rewriting;
  const reader = shape.section(SECTION.data);
  const writer = new ByteWriter(reader === undefined ? 8 : reader.end - reader.at + 64);
  if (reader === undefined) return writer.take();
  const count = reader.count("data segments", limits.maxDataSegments);
  writer.u32(count);
  for (let index = 0; index < count; index += 1) {
    const flags = reader.u32();
    writer.u32(flags);
    if ((flags & EXPLICIT_TABLE) !== 0) writer.u32(reader.u32());
    const isActive = (flags & PASSIVE_OR_DECLARED) === 0;
    if (isActive) copyExpression(reader, writer, rewriting);
    const start = reader.at;
    const size = reader.u32();
    if (isActive) tally.dataBytes += size;
    reader.skip(size);
    writer.copy(reader.bytes, start, reader.at);
  }
  return writer.view();
}
