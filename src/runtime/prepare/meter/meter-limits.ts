import { MAX_FRAME_UNITS } from "./fuel-word.ts";
import type { MeterLimits } from "./metered-module.ts";

/** The default caps. Each is several times what StarlingMonkey, the largest module that we ship, has. */
export const METER_LIMITS: MeterLimits = {
  maxModuleBytes: 64 * 1024 * 1024,
  maxBodyBytes: 512 * 1024,
  maxFunctions: 200_000,
  maxTypes: 20_000,
  maxParams: 500,
  maxLocals: 10_000,
  maxFrameUnits: MAX_FRAME_UNITS,
  maxGlobals: 20_000,
  maxTables: 64,
  maxTableEntries: 1_000_000,
  maxMemories: 8,
  maxMemoryPages: 16_384,
  maxTags: 1_000,
  maxImports: 10_000,
  maxExports: 100_000,
  maxElementSegments: 20_000,
  maxElements: 1_000_000,
  maxDataSegments: 50_000,
  maxConstantOperators: 100,
  maxBranchTargets: 10_000,
  maxNesting: 5_000,
  maxMergeWork: 10_000_000,
};
