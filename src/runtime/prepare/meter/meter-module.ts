import { refuse } from "../../component/refuse.ts";
import { AddedFunctions } from "./added-functions.ts";
import { BranchHints } from "./branch-hints.ts";
import { ByteWriter } from "./byte-writer.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import { functionNames } from "./function-names.ts";
import { type InstantiationTally, instantiationFuel } from "./instantiation-fuel.ts";
import { chooseIndices } from "./meter-indices.ts";
import { METER_LIMITS } from "./meter-limits.ts";
import {
  type MeteredModule,
  type MeterLimits,
  type MeterOptions,
  PAGE_BYTES,
  TABLE_ENTRY_BYTES,
} from "./metered-module.ts";
import { capped, type ModuleShape, readShape, SECTION } from "./module-shape.ts";
import {
  encodeCode,
  importedMemories,
  rewriteBodies,
  rewriteData,
  rewriteElements,
  rewriteExports,
  rewriteFunctions,
  rewriteGlobals,
  rewriteImports,
  type Rewriting,
  rewriteStart,
  rewriteTables,
  rewriteTags,
} from "./rewrite-sections.ts";
import { TypeSection } from "./type-section.ts";

/**
 * Makes a core module count what it does and stop itself. Pure: the same bytes and limits give the same bytes.
 *
 * Throws a `TaskerError` for bytes that are no valid module (`TSK_COMPONENT_INVALID`), need what this runtime does not
 * run (`TSK_COMPONENT_UNSUPPORTED`), exceed a cap (`TSK_COMPONENT_TOO_LARGE`) or import from `METER_NAMESPACE`
 * (`TSK_COMPONENT_RESERVED_IMPORT`). `TSK_COMPONENT_METER_FAILED` is a defect of metering itself.
 */
export function meterModule(original: Uint8Array<ArrayBuffer>, options: MeterOptions = {}): MeteredModule {
  const limits = { ...METER_LIMITS, ...options.limits };
  capped("bytes", original.length, limits.maxModuleBytes);
  // Before anything is rewritten: a rewriter carries invalid code along and could make it valid, for instance by giving
  // a meaning to a local index that is out of range (docs/decisions/0002-fuel-metering.md).
  if (!WebAssembly.validate(original)) {
    refuse("TSK_COMPONENT_INVALID", "a core module that is not valid WebAssembly");
  }
  const shape = readShape(original, limits);
  const indices = chooseIndices(shape);
  const tally = { constantOperators: 0, elements: 0, dataBytes: 0 };
  const bytes = rewrite(shape, limits, tally);
  if (!WebAssembly.validate(bytes)) {
    refuse("TSK_COMPONENT_METER_FAILED", "a metered module that is not valid WebAssembly");
  }
  const memories = importedMemories(shape);
  const tables = shape.tables.slice(shape.importedTables).map(({ minEntries, maxEntries }) => ({
    minEntries,
    ...(maxEntries === undefined ? {} : { maxEntries }),
  }));
  return {
    bytes,
    fuelScheduleId: FUEL_SCHEDULE.id,
    memories,
    tables,
    globals: indices.globals,
    initialBytes:
      memories.reduce((sum, memory) => sum + memory.minPages * PAGE_BYTES, 0) +
      tables.reduce((sum, table) => sum + table.minEntries * TABLE_ENTRY_BYTES, 0),
    instantiationFuel: instantiationFuel(shape, tally),
  };
}

const PREAMBLE = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00);

function rewrite(shape: ModuleShape, limits: MeterLimits, tally: InstantiationTally): Uint8Array<ArrayBuffer> {
  const types = new TypeSection(shape.types);
  const indices = chooseIndices(shape);
  const added = new AddedFunctions(shape, types, indices);
  const rewriting: Rewriting = {
    shape,
    types,
    added,
    indices,
    limits,
    tally,
    hints: new BranchHints(),
    referenced: new Set(),
    map: {
      global: (index) => (index < shape.importedGlobals ? index : index + indices.shift),
      reference: (index) => added.referable(index),
    },
  };

  // Bodies first, then whatever else names functions: only then all types and added functions are known.
  const bodies = rewriteBodies(rewriting);
  const tables = rewriteTables(rewriting);
  const globals = rewriteGlobals(rewriting);
  const exports = rewriteExports(rewriting);
  const start = rewriteStart(rewriting);
  const elements = rewriteElements(rewriting);
  const data = rewriteData(rewriting);
  const imports = rewriteImports(rewriting);
  const tags = rewriteTags(rewriting);

  const writer = new ByteWriter(shape.bytes.length * 2);
  writer.copy(PREAMBLE);
  writer.section(SECTION.type, types.encode());
  writer.section(SECTION.import, imports);
  writer.section(SECTION.function, rewriteFunctions(rewriting));
  writer.section(SECTION.table, tables);
  writer.section(SECTION.tag, tags);
  writer.section(SECTION.global, globals);
  writer.section(SECTION.export, exports);
  writer.section(SECTION.start, start);
  writer.section(SECTION.element, elements);
  const dataCount = shape.section(SECTION.dataCount);
  if (dataCount !== undefined) writer.section(SECTION.dataCount, dataCount.bytes.subarray(dataCount.at, dataCount.end));
  writer.section(SECTION.custom, rewriting.hints.encode());
  writer.section(SECTION.code, encodeCode(rewriting, bodies));
  writer.section(SECTION.data, data);
  writer.section(SECTION.custom, functionNames(shape.customSections));
  return writer.take();
}
