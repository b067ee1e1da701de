import { isTaskerError } from "../../../src/core/errors/index.ts";
import { MAX_FUEL, meterModule, packFuel } from "../../../src/runtime/prepare/meter/index.ts";
import { meterImports, newBudgets } from "./metered-instance.ts";

/**
 * What the official suite's runner asks for: a module's bytes in, the metered bytes and the imports that they need out.
 * All modules of the suite share one budget, as the modules of one component do, large enough to be no limit.
 */
export function transform(bytes: Uint8Array): { bytes: Uint8Array; imports: Record<string, Record<string, unknown>> } {
  try {
    const metered = meterModule(Uint8Array.from(bytes), { limits: { maxTableEntries: 10_000_000, maxMemoryPages: 65_536 } });
    shared.fuel.value = packFuel({ fuel: MAX_FUEL, callDepth: SUITE_CALL_DEPTH });
    return { bytes: metered.bytes, imports: meterImports(metered, shared) };
  } catch (error) {
    // The runner knows a refusal by policy by this code.
    if (isTaskerError(error, "TSK_COMPONENT_UNSUPPORTED")) {
      throw Object.assign(new Error(error.message), { code: "unsupported_feature" });
    }
    throw error;
  }
}

/** Fits V8's default stack; the suite recurses less. */
const SUITE_CALL_DEPTH = 3_000;
const shared = newBudgets({ fuel: MAX_FUEL, callDepth: SUITE_CALL_DEPTH, bytes: Number.MAX_SAFE_INTEGER });
