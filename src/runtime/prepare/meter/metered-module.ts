/**
 * What metering makes of a core module, and what the host owes a metered module.
 *
 * **What prepare has to guarantee**
 * - Every core module of a component is metered, none is left out: modules that share a table call each other through
 *   it with one more parameter and one more result, and a module that is not metered would not match.
 * - No function of the host ever enters a guest's table, funcref global or funcref parameter, and none is taken out:
 *   functions behind references have the metered type. Exported and imported functions keep their own types.
 *
 * **What execute has to guarantee**
 * - All instances of one run get the same `WebAssembly.Global` objects (`METER_GLOBALS`), set anew for each run:
 *   `fuel` to `packFuel({ fuel, callDepth })`, `bytes-left` to the limit minus `initialBytes` of every instance,
 *   `growth-refused` to 0.
 * - Each instance gets a zeroed memory for each of `memories`, with `initial` equal to `minPages` and `maximum` at most
 *   `maxPages` where that is declared.
 * - A host function that the guest calls may read and lower the `fuel` global (`debitFuel`); it is current in every call
 *   of an import. It must let a `WebAssembly.RuntimeError` of a nested guest call pass as it is: V8 keeps that very
 *   object from the guest's `catch_all`, a new error of the host's own it does not.
 * - V8's stack holds `stackBytesFor(callDepth)`; otherwise V8's own RangeError comes first, which is not deterministic. With
 *   V8's optimising compiler it may come first all the same: that is no outcome, the run is made again without it.
 */

/** Module name of everything that metering adds to a module's imports. Uploads that import from it are refused. */
export const METER_NAMESPACE = "tasker:meter";

/** The globals that a metered module may import from `METER_NAMESPACE`; which of them it does is in `MeteredModule.globals`. */
export const METER_GLOBALS = {
  /** Fuel left and call depth left in one number; see `packFuel` and `readFuel`. */
  fuel: { value: "i64", mutable: true },
  /** Bytes that memories and tables may still grow by, and that exceptions may still take. */
  "bytes-left": { value: "i64", mutable: true },
  /** 1 once a growth (or an exception) was refused for want of bytes; growth beyond a module's own maximum does not count. */
  "growth-refused": { value: "i32", mutable: true },
} as const satisfies Record<string, { readonly value: "i32" | "i64"; readonly mutable: true }>;

export type MeterGlobal = keyof typeof METER_GLOBALS;

/** Bytes that one table entry is taken to cost; V8 needs about 24 for each entry of a function table. */
export const TABLE_ENTRY_BYTES = 32;

/**
 * Bytes that one exception is taken to cost, and each value that it carries; V8 needs 64 and 16 (i32) to 64 (v128). They
 * are not given back: a guest can keep exceptions, and nobody sees when it lets go.
 */
export const EXCEPTION_BYTES = 64;
export const EXCEPTION_VALUE_BYTES = 64;

/** Bytes of a page of linear memory. */
export const PAGE_BYTES = 65_536;

/** A memory that the module defined and now expects as import `METER_NAMESPACE` / `importName`. */
export interface MeteredMemory {
  readonly importName: string;
  readonly minPages: number;
  /** The maximum that the module declared; absent where it declared none (then 65,536 is its own limit). */
  readonly maxPages?: number;
}

/** A table that the module defines; it stays defined, fresh in every instance. */
export interface MeteredTable {
  readonly minEntries: number;
  readonly maxEntries?: number;
}

export interface MeteredModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `FUEL_SCHEDULE.id` at the time. */
  readonly fuelScheduleId: string;
  readonly memories: readonly MeteredMemory[];
  readonly tables: readonly MeteredTable[];
  /** Which of `METER_GLOBALS` the module imports. */
  readonly globals: readonly MeterGlobal[];
  /** Bytes of the defined memories and tables at instantiation: what the host debits before it instantiates. */
  readonly initialBytes: number;
  /** Fuel that one instantiation takes, the start function apart: what the host debits before it instantiates. */
  readonly instantiationFuel: number;
}

export interface MeterOptions {
  /** Caps on the module's parts; each left out takes its default (`METER_LIMITS`). */
  readonly limits?: Partial<MeterLimits>;
}

/** How large and numerous the parts of one core module may be. StarlingMonkey's figures stand beside the defaults. */
export interface MeterLimits {
  /** Bytes of the module. */
  readonly maxModuleBytes: number;
  /** Bytes of one function body. V8 takes about 5 s of CPU for a body of 1 MB. */
  readonly maxBodyBytes: number;
  /** Functions, imported and defined. */
  readonly maxFunctions: number;
  readonly maxTypes: number;
  /** Parameters or results of one function type; V8 admits 1,000 and metering adds one. */
  readonly maxParams: number;
  /** Locals of one function, parameters included. */
  readonly maxLocals: number;
  /** Units of call depth that one frame takes. V8 takes all of it before the depth is looked at: `stackBytesFor` has room for one. */
  readonly maxFrameUnits: number;
  /** Globals, imported and defined. */
  readonly maxGlobals: number;
  /** Tables, imported and defined. */
  readonly maxTables: number;
  /** Entries of all defined tables at instantiation. */
  readonly maxTableEntries: number;
  /** Memories, imported and defined. V8 reserves 8–10 GiB of address space for each. */
  readonly maxMemories: number;
  /** Pages of all defined memories at instantiation. */
  readonly maxMemoryPages: number;
  readonly maxTags: number;
  readonly maxImports: number;
  readonly maxExports: number;
  /** Element segments. */
  readonly maxElementSegments: number;
  /** Entries of all element segments. */
  readonly maxElements: number;
  /** Data segments. */
  readonly maxDataSegments: number;
  /** Operators of one constant expression, its end included. */
  readonly maxConstantOperators: number;
  /** Targets of one br_table. */
  readonly maxBranchTargets: number;
  /** Blocks within blocks in one function. */
  readonly maxNesting: number;
  /** Locals and operands at all branches and labels of one function: what V8's merging of control flow grows with. */
  readonly maxMergeWork: number;
}
