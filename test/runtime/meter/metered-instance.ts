import {
  meterModule,
  METER_GLOBALS,
  METER_NAMESPACE,
  type MeteredModule,
  type MeterOptions,
  packFuel,
  readFuel,
} from "../../../src/runtime/prepare/meter/index.ts";

/** The budgets of one run, as the host holds them. */
export interface Budgets {
  readonly fuel: WebAssembly.Global<"i64">;
  readonly "bytes-left": WebAssembly.Global<"i64">;
  readonly "growth-refused": WebAssembly.Global<"i32">;
}

export interface RunLimits {
  readonly fuel?: number;
  readonly callDepth?: number;
  readonly bytes?: number;
}

export const PLENTY = { fuel: 1_000_000_000, callDepth: 2_000, bytes: 64 * 1024 * 1024 } as const;

export function newBudgets(limits: RunLimits = {}): Budgets {
  const { fuel, callDepth, bytes } = { ...PLENTY, ...limits };
  return {
    fuel: new WebAssembly.Global(METER_GLOBALS.fuel, packFuel({ fuel, callDepth })),
    "bytes-left": new WebAssembly.Global(METER_GLOBALS["bytes-left"], BigInt(bytes)),
    "growth-refused": new WebAssembly.Global(METER_GLOBALS["growth-refused"], 0),
  };
}

/** What a metered module imports from the reserved namespace, with fresh memories. */
export function meterImports(metered: MeteredModule, budgets: Budgets): WebAssembly.Imports {
  const memories = metered.memories.map(({ importName, minPages, maxPages }) => [
    importName,
    new WebAssembly.Memory({ initial: minPages, ...(maxPages === undefined ? {} : { maximum: maxPages }) }),
  ]);
  const globals = metered.globals.map((name) => [name, budgets[name]]);
  return { [METER_NAMESPACE]: Object.fromEntries([...memories, ...globals]) };
}
