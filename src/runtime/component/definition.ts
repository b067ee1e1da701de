/**
 * What a component's bytes say, section by section and still by index: nothing is looked up or believed here.
 * Only the forms that this runtime runs have a word; `read-component.ts` refuses the others by name.
 */
import type { PrimitiveType } from "./value-type.ts";

export interface ComponentDefinition {
  readonly definitions: readonly Definition[];
}

export type CoreSort = "func" | "table" | "memory" | "global" | "tag";
export type Sort = "func" | "type" | "component" | "instance" | "core-module";

export type Definition =
  | { readonly kind: "core-module"; readonly start: number; readonly end: number }
  | {
      readonly kind: "core-instantiate";
      readonly module: number;
      readonly args: readonly { readonly name: string; readonly instance: number }[];
    }
  | {
      readonly kind: "core-exports";
      readonly exports: readonly { readonly name: string; readonly sort: CoreSort; readonly index: number }[];
    }
  | { readonly kind: "component"; readonly component: ComponentDefinition }
  | { readonly kind: "instantiate"; readonly component: number; readonly args: readonly NamedSort[] }
  | { readonly kind: "exports"; readonly exports: readonly NamedSort[] }
  | AliasDefinition
  | { readonly kind: "alias-core-export"; readonly sort: CoreSort; readonly instance: number; readonly name: string }
  | { readonly kind: "type"; readonly type: TypeDefinition }
  | { readonly kind: "lift"; readonly func: number; readonly options: CanonicalOptions; readonly type: number }
  | { readonly kind: "lower"; readonly func: number; readonly options: CanonicalOptions }
  | { readonly kind: "resource-drop"; readonly type: number }
  | { readonly kind: "import"; readonly name: string; readonly extern: ExternDefinition }
  | ({ readonly kind: "export" } & NamedSort);

export interface NamedSort {
  readonly name: string;
  readonly sort: Sort;
  readonly index: number;
}

export type AliasDefinition =
  | { readonly kind: "alias-export"; readonly sort: Sort; readonly instance: number; readonly name: string }
  | { readonly kind: "alias-outer"; readonly sort: Sort; readonly count: number; readonly index: number };

export interface CanonicalOptions {
  readonly encoding: "utf8" | "utf16";
  readonly memory: number | undefined;
  readonly realloc: number | undefined;
  readonly postReturn: number | undefined;
}

export type ExternDefinition =
  | { readonly kind: "func" | "instance"; readonly type: number }
  | { readonly kind: "type-equal"; readonly type: number }
  | { readonly kind: "resource" };

/** A primitive type by name, or the index of a defined type. */
export type TypeReference = PrimitiveType | number;

export type TypeDefinition =
  | { readonly kind: "primitive"; readonly primitive: PrimitiveType }
  | { readonly kind: "record"; readonly fields: readonly (readonly [string, TypeReference])[] }
  | { readonly kind: "variant"; readonly cases: readonly (readonly [string, TypeReference | undefined])[] }
  | { readonly kind: "list"; readonly element: TypeReference }
  | { readonly kind: "tuple"; readonly items: readonly TypeReference[] }
  | { readonly kind: "enum" | "flags"; readonly labels: readonly string[] }
  | { readonly kind: "option"; readonly some: TypeReference }
  | {
      readonly kind: "result";
      readonly ok: TypeReference | undefined;
      readonly error: TypeReference | undefined;
    }
  | { readonly kind: "own" | "borrow"; readonly resource: number }
  | {
      readonly kind: "func";
      readonly params: readonly (readonly [string, TypeReference])[];
      readonly result: TypeReference | undefined;
    }
  | { readonly kind: "instance"; readonly declarations: readonly InstanceDeclaration[] };

export type InstanceDeclaration =
  | { readonly kind: "type"; readonly type: TypeDefinition }
  | AliasDefinition
  | { readonly kind: "export"; readonly name: string; readonly extern: ExternDefinition };
