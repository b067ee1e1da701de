/** What instantiating a module costs besides its start function: V8 does it, and no instruction of the guest stands for it. */
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import { type ModuleShape, SECTION } from "./module-shape.ts";

/** Counted while the sections are rewritten. */
export interface InstantiationTally {
  constantOperators: number;
  /** Entries of element segments. */
  elements: number;
  /** Bytes of active data segments. */
  dataBytes: number;
}

/** Initial sizes cost what growth by as much does, segments what their bulk instructions do. */
export function instantiationFuel(shape: ModuleShape, tally: InstantiationTally): number {
  const price = FUEL_SCHEDULE;
  const tables = shape.tables.slice(shape.importedTables);
  const entries = tables.reduce((sum, { minEntries }) => sum + minEntries, 0);
  const pages = shape.memories.slice(shape.importedMemories).reduce((sum, { minPages }) => sum + minPages, 0);
  const items = count(shape, SECTION.import) + count(shape, SECTION.export) + tables.length + count(shape, SECTION.tag);
  const parts = PARTS.reduce((sum, section) => sum + count(shape, section), 0);
  return (
    price.moduleInstance +
    items * price.instanceItem +
    parts * price.instancePart +
    tally.constantOperators * price.constantOperator +
    tally.elements * price.bulkTableEntry +
    Math.floor(tally.dataBytes / price.bulkBytesPerUnit) +
    entries * price.tableGrowEntry +
    pages * price.memoryGrowPage
  );
}

/** None of them is copied for an instance, but V8 visits each. */
const PARTS = [SECTION.type, SECTION.function, SECTION.element, SECTION.data] as const;

function count(shape: ModuleShape, section: number): number {
  return shape.section(section)?.u32() ?? 0;
}
