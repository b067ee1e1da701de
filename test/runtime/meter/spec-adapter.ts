import { isTaskerError } from "../../../src/core/errors/index.ts";
import {
  MAX_CALL_DEPTH,
  MAX_FUEL,
  METER_NAMESPACE,
  type MeteredModule,
  meterModule,
} from "../../../src/runtime/prepare/meter/index.ts";
import { meterImports, newBudgets } from "./metered-instance.ts";

/**
 * What the official suite's runner asks for: a module's bytes in, the metered bytes and the imports that they need out.
 * All modules of the suite share one budget, as the modules of one component do, large enough to be no limit.
 */
export function transform(bytes: Uint8Array): { bytes: Uint8Array; imports: Record<string, Record<string, unknown>> } {
  try {
    const metered = meterModule(Uint8Array.from(bytes), { limits: WIDE });
    return { bytes: metered.bytes, imports: freshEachTime(metered) };
  } catch (error) {
    // The runner knows a refusal by policy by this code.
    if (isTaskerError(error, "TSK_COMPONENT_UNSUPPORTED")) {
      throw Object.assign(new Error(error.message), { code: "unsupported_feature" });
    }
    throw error;
  }
}

/** The suite instantiates some modules twice: each read of a memory is a new one. */
function freshEachTime(metered: MeteredModule): Record<string, Record<string, unknown>> {
  const memories = metered.memories.map(({ importName }) => [
    importName,
    { get: () => meterImports(metered, shared)[METER_NAMESPACE]?.[importName] },
  ]);
  return { [METER_NAMESPACE]: Object.defineProperties({ ...shared }, Object.fromEntries(memories)) };
}

/** The suite tests V8's own limits as well. */
const WIDE = { maxTableEntries: 10_000_000, maxMemoryPages: 65_536, maxBranchTargets: 65_520, maxMemories: 100 };

/**
 * More than V8's default stack holds: what overflows it plain overflows it metered too, and leaves the budget as it was,
 * which nobody sets anew between the suite's calls.
 */
const shared = newBudgets({ fuel: MAX_FUEL, callDepth: MAX_CALL_DEPTH, bytes: Number.MAX_SAFE_INTEGER });
