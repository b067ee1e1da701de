/**
 * The things that a component's index spaces hold once its definitions are followed: resolved as far as linking
 * and type checks need, values by name and identity, never by index.
 */
import type { ComponentDefinition, CoreSort, TypeDefinition } from "../component/definition.ts";
import type { FunctionType } from "../component/value-type.ts";
import type { AbiOptions, ExportReference } from "../link-plan.ts";

export type Item =
  | { readonly sort: "func"; readonly func: FunctionItem }
  | { readonly sort: "type"; readonly type: TypeItem }
  | { readonly sort: "instance"; readonly instance: InstanceItem }
  | { readonly sort: "component"; readonly component: ComponentItem }
  | { readonly sort: "core-module"; readonly module: number };

export type FunctionItem =
  | {
      readonly kind: "host";
      /** With version, as imported. */
      readonly interface: string;
      readonly name: string;
      readonly type: () => FunctionType;
    }
  | {
      readonly kind: "lifted";
      readonly func: ExportReference;
      readonly postReturn: ExportReference | undefined;
      readonly abi: AbiOptions;
      /** Number of the component instance that lifted it. */
      readonly owner: number;
      readonly type: () => FunctionType;
    };

/** A type by definition and the place where its indices mean something; or an imported resource by its name. */
export type TypeItem =
  | { readonly kind: "defined"; readonly type: TypeDefinition; readonly scope: TypeScope }
  | { readonly kind: "resource"; readonly name: string };

export interface TypeScope {
  readonly types: TypeItem[];
  readonly parent: TypeScope | undefined;
  /** All scopes of a component share one. */
  readonly written: WrittenTypes;
}

/** Value types that were written out so far, however often the same one. */
export interface WrittenTypes {
  nodes: number;
}

export interface InstanceItem {
  readonly exports: ReadonlyMap<string, Item>;
}

export interface ComponentItem {
  readonly definition: ComponentDefinition;
  readonly scope: Scope;
}

export type CoreItem =
  | { readonly from: "export"; readonly sort: CoreSort; readonly reference: ExportReference }
  | { readonly from: "trampoline"; readonly index: number };

export type CoreInstanceItem =
  | { readonly kind: "instance"; readonly index: number }
  | { readonly kind: "bag"; readonly exports: ReadonlyMap<string, CoreItem> };

/** The index spaces of one component instance. */
export interface Scope extends TypeScope {
  /** Number of the component instance, in the order in which they are made. */
  readonly owner: number;
  readonly parent: Scope | undefined;
  readonly funcs: FunctionItem[];
  readonly instances: InstanceItem[];
  readonly components: ComponentItem[];
  readonly coreModules: number[];
  readonly coreInstances: CoreInstanceItem[];
  readonly coreItems: Readonly<Record<CoreSort, CoreItem[]>>;
}

export function newScope(parent: Scope | undefined, owner: number): Scope {
  return {
    owner,
    parent,
    written: parent?.written ?? { nodes: 0 },
    types: [],
    funcs: [],
    instances: [],
    components: [],
    coreModules: [],
    coreInstances: [],
    coreItems: { func: [], table: [], memory: [], global: [], tag: [] },
  };
}
