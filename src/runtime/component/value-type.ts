import { unreachable } from "../unreachable.ts";

/**
 * The types of the component model that cross the boundary, resolved: no indices, no aliases, no recursion.
 * A resource is named by the interface that defines it, without version: `wasi:io/streams#output-stream`.
 */
export type ValueType =
  | { readonly kind: PrimitiveType }
  | { readonly kind: "list"; readonly element: ValueType }
  | { readonly kind: "record"; readonly fields: readonly (readonly [label: string, type: ValueType])[] }
  | { readonly kind: "tuple"; readonly items: readonly ValueType[] }
  | { readonly kind: "variant"; readonly cases: readonly (readonly [label: string, type: ValueType | undefined])[] }
  | { readonly kind: "enum"; readonly labels: readonly string[] }
  | { readonly kind: "flags"; readonly labels: readonly string[] }
  | { readonly kind: "option"; readonly some: ValueType }
  | { readonly kind: "result"; readonly ok: ValueType | undefined; readonly error: ValueType | undefined }
  | { readonly kind: "own" | "borrow"; readonly resource: string };

export const PRIMITIVE_TYPES = [
  "bool",
  "s8",
  "u8",
  "s16",
  "u16",
  "s32",
  "u32",
  "s64",
  "u64",
  "f32",
  "f64",
  "char",
  "string",
] as const;
export type PrimitiveType = (typeof PRIMITIVE_TYPES)[number];

const PRIMITIVE_NAMES: ReadonlySet<string> = new Set(PRIMITIVE_TYPES);

function isPrimitive(type: ValueType): type is { readonly kind: PrimitiveType } {
  return PRIMITIVE_NAMES.has(type.kind);
}

export interface FunctionType {
  readonly params: readonly (readonly [label: string, type: ValueType])[];
  readonly result: ValueType | undefined;
}

export const bool: ValueType = { kind: "bool" };
export const u8: ValueType = { kind: "u8" };
export const u16: ValueType = { kind: "u16" };
export const u32: ValueType = { kind: "u32" };
export const u64: ValueType = { kind: "u64" };
export const string: ValueType = { kind: "string" };
export const list = (element: ValueType): ValueType => ({ kind: "list", element });
export const option = (some: ValueType): ValueType => ({ kind: "option", some });
export const result = (ok: ValueType | undefined, error?: ValueType): ValueType => ({ kind: "result", ok, error });
export const tuple = (...items: readonly ValueType[]): ValueType => ({ kind: "tuple", items });
export const enumeration = (...labels: readonly string[]): ValueType => ({ kind: "enum", labels });
export const own = (resource: string): ValueType => ({ kind: "own", resource });
export const borrow = (resource: string): ValueType => ({ kind: "borrow", resource });
export const record = (fields: Readonly<Record<string, ValueType>>): ValueType => ({
  kind: "record",
  fields: Object.entries(fields),
});
export const variant = (cases: Readonly<Record<string, ValueType | undefined>>): ValueType => ({
  kind: "variant",
  cases: Object.entries(cases),
});
export const func = (params: Readonly<Record<string, ValueType>>, returned?: ValueType): FunctionType => ({
  params: Object.entries(params),
  result: returned,
});

/** The type as one would write it in WIT, with every name spelled out: two types are equal exactly if their texts are. */
export function typeText(type: ValueType): string {
  if (isPrimitive(type)) return type.kind;
  switch (type.kind) {
    case "list":
      return `list<${typeText(type.element)}>`;
    case "record":
      return `record { ${type.fields.map(([label, field]) => `${label}: ${typeText(field)}`).join(", ")} }`;
    case "tuple":
      return `tuple<${type.items.map(typeText).join(", ")}>`;
    case "variant":
      return `variant { ${type.cases.map(([label, of]) => (of ? `${label}(${typeText(of)})` : label)).join(", ")} }`;
    case "enum":
    case "flags":
      return `${type.kind} { ${type.labels.join(", ")} }`;
    case "option":
      return `option<${typeText(type.some)}>`;
    case "result":
      return `result<${type.ok ? typeText(type.ok) : "_"}, ${type.error ? typeText(type.error) : "_"}>`;
    case "own":
    case "borrow":
      return `${type.kind}<${type.resource}>`;
    default:
      return unreachable(type);
  }
}

export function functionText(type: FunctionType): string {
  const params = type.params.map(([label, of]) => `${label}: ${typeText(of)}`).join(", ");
  return `func(${params})${type.result ? ` -> ${typeText(type.result)}` : ""}`;
}

/** True where a value of the type holds a handle somewhere. */
export function holdsHandles(type: ValueType): boolean {
  if (isPrimitive(type)) return false;
  switch (type.kind) {
    case "own":
    case "borrow":
      return true;
    case "list":
      return holdsHandles(type.element);
    case "record":
      return type.fields.some(([, field]) => holdsHandles(field));
    case "tuple":
      return type.items.some(holdsHandles);
    case "variant":
      return type.cases.some(([, of]) => of !== undefined && holdsHandles(of));
    case "option":
      return holdsHandles(type.some);
    case "result":
      return [type.ok, type.error].some((of) => of !== undefined && holdsHandles(of));
    case "enum":
    case "flags":
      return false;
    default:
      return unreachable(type);
  }
}
