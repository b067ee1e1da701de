import type { FunctionType } from "./component/value-type.ts";

/**
 * How the core modules of a component become one instance: a list of instantiations in order, each import taken
 * from an earlier instance's export or from a host function ("trampoline").
 *
 * The prepare process derives it from the component's own bytes. The translate process (untrusted) records what
 * jco's glue does with the same component; where the two differ, the component is refused.
 */
export interface LinkPlan {
  readonly instantiations: readonly Instantiation[];
  readonly trampolines: readonly Trampoline[];
  readonly describe: LiftedFunction;
  readonly handle: LiftedFunction;
}

export interface Instantiation {
  /** Index into the artifact's modules. One module may be instantiated several times. */
  readonly module: number;
  readonly imports: readonly PlannedImport[];
  /** Export that is called once the instance is there. */
  readonly initialize?: string | undefined;
}

export interface PlannedImport {
  readonly module: string;
  readonly name: string;
  readonly from: ExportReference | TrampolineReference;
}

/** An export of an instance that stands earlier in the plan. */
export interface ExportReference {
  readonly instance: number;
  readonly name: string;
}

export interface TrampolineReference {
  readonly trampoline: number;
}

/** A host function as the guest's modules see it: core values in, core values out. */
export type Trampoline =
  /** A function of an imported interface: `wasi:io/streams` (without version), `[method]output-stream.write`. */
  | { readonly kind: "host"; readonly interface: string; readonly name: string; readonly abi: AbiOptions }
  | { readonly kind: "resource-drop"; readonly resource: string }
  /** A function that another component inside this one exports. */
  | {
      readonly kind: "guest";
      readonly callee: LiftedFunction;
      readonly type: FunctionType;
      readonly abi: AbiOptions;
      /** Number of the component instance that calls. */
      readonly caller: number;
    };

export interface AbiOptions {
  readonly encoding: "utf8" | "utf16";
  readonly memory?: ExportReference | undefined;
  readonly realloc?: ExportReference | undefined;
}

/** A function of the guest as the component model sees it. */
export interface LiftedFunction {
  readonly func: ExportReference;
  readonly postReturn?: ExportReference | undefined;
  readonly abi: AbiOptions;
  /** Number of the component instance that it belongs to, in the order in which they are made. */
  readonly owner: number;
}

/** What the translate process saw jco's glue do: untrusted, compared with the plan and then dropped. */
export interface RecordedPlan {
  readonly instantiations: readonly RecordedInstantiation[];
}

export interface RecordedInstantiation {
  /** SHA-256 of the module's bytes without custom sections. */
  readonly moduleDigest: string;
  readonly imports: readonly RecordedImport[];
}

export interface RecordedImport {
  readonly module: string;
  readonly name: string;
  /** Every earlier export that is this very value; none for a function of the glue. */
  readonly sources: readonly ExportReference[];
}
