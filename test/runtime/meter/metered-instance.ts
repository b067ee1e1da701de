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
  readonly fuel: WebAssembly.Global<bigint>;
  readonly "bytes-left": WebAssembly.Global<bigint>;
  readonly "growth-refused": WebAssembly.Global<number>;
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
    "growth-refused": new WebAssembly.Global<number>(METER_GLOBALS["growth-refused"], 0),
  };
}

/** What a metered module imports from the reserved namespace, with fresh memories. */
export function meterImports(
  metered: MeteredModule,
  budgets: Budgets,
  supplied: Readonly<Record<string, WebAssembly.Memory>> = {},
): WebAssembly.Imports {
  const memories = metered.memories.map(({ importName, minPages, maxPages }) => [
    importName,
    supplied[importName] ??
      new WebAssembly.Memory({ initial: minPages, ...(maxPages === undefined ? {} : { maximum: maxPages }) }),
  ]);
  const globals = metered.globals.map((name) => [name, budgets[name]]);
  return { [METER_NAMESPACE]: Object.fromEntries([...memories, ...globals]) };
}

/** A metered module at work. */
export interface MeteredRun {
  readonly metered: MeteredModule;
  readonly budgets: Budgets;
  readonly exports: WebAssembly.Instance["exports"];
  /** Calls an export; a trap is the result like any other value. */
  call(name: string, ...args: readonly unknown[]): unknown;
  /** Fuel used since the budgets were set. */
  fuelUsed(): number;
  stopped(): ReturnType<typeof readFuel>["stopped"];
}

export interface MeteredRunOptions extends RunLimits {
  readonly imports?: WebAssembly.Imports;
  readonly budgets?: Budgets;
  /** Memories in place of fresh ones, by import name. */
  readonly memories?: Readonly<Record<string, WebAssembly.Memory>>;
  readonly meter?: MeterOptions;
}

/** Meters a module and instantiates it. */
export function instantiateMetered(bytes: Uint8Array<ArrayBuffer>, options: MeteredRunOptions = {}): MeteredRun {
  const metered = meterModule(bytes, options.meter);
  const budgets = options.budgets ?? newBudgets(options);
  const before = readFuel(budgets.fuel.value).fuelLeft;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(metered.bytes), {
    ...options.imports,
    ...meterImports(metered, budgets, options.memories),
  });
  return {
    metered,
    budgets,
    exports,
    call: (name, ...args) => callExport(exports, name, args),
    fuelUsed: () => before - readFuel(budgets.fuel.value).fuelLeft,
    stopped: () => readFuel(budgets.fuel.value).stopped,
  };
}

/** The result of an exported function, or the error that it ended with. */
export function callExport(exports: WebAssembly.Instance["exports"], name: string, args: readonly unknown[]): unknown {
  const exported = exports[name];
  if (typeof exported !== "function") throw new Error(`no function "${name}"`);
  try {
    return exported(...args);
  } catch (error) {
    return error;
  }
}
