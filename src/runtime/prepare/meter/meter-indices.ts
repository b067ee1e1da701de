import type { MeterGlobal } from "./metered-module.ts";
import type { ModuleShape } from "./module-shape.ts";

/** Where the imports that metering adds stand in the metered module's global index space. */
export interface MeterIndices {
  /** In the order of their indices, behind the original imports. */
  readonly globals: readonly MeterGlobal[];
  readonly fuel: number;
  readonly bytesLeft: number;
  readonly growthRefused: number;
  /** How far the indices of defined globals move. */
  readonly shift: number;
}

/** Fuel where code runs, bytes where something can grow. A module that only links others needs neither. */
export function chooseIndices(shape: ModuleShape): MeterIndices {
  const first = shape.importedGlobals;
  const hasCode = shape.functions.length > 0;
  const canGrow = hasCode && shape.memories.length + shape.tables.length + shape.tags.length > 0;
  const globals: MeterGlobal[] = [];
  if (hasCode) globals.push("fuel");
  if (canGrow) globals.push("bytes-left", "growth-refused");
  return { globals, fuel: first, bytesLeft: first + 1, growthRefused: first + 2, shift: globals.length };
}
