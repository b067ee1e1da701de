import type { ByteReader } from "../../component/byte-reader.ts";
import { refuse } from "../../component/refuse.ts";

export const I32 = 0x7f;
export const I64 = 0x7e;
export const V128 = 0x7b;
/** A reference to the heap type behind it, null included. */
export const REF_NULL = 0x63;
const REF = 0x64;

/** Abstract heap types: func, extern, exn and their bottoms. The others belong to GC, whose allocation nothing bounds. */
const HEAP_TYPES = new Set([0x70, 0x6f, 0x69, 0x73, 0x72, 0x74]);
const GC_HEAP_TYPES = new Set([0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71]);

/** Passes over a heap type. A type index means the metered function type, which has the same index. */
export function skipHeapType(reader: ByteReader): void {
  const value = reader.s33();
  // Negative numbers are the abstract types: the low seven bits are their one-byte form.
  if (value < 0 && !(value >= -0x40 && HEAP_TYPES.has(value + 0x80))) refuseType(value + 0x80);
}

/** Passes over a value type; true if it is v128. */
export function skipValueType(reader: ByteReader): boolean {
  const form = reader.byte();
  if (form === REF_NULL || form === REF) {
    skipHeapType(reader);
    return false;
  }
  // i32, i64, f32, f64, v128
  if (form <= I32 && form >= V128) return form === V128;
  if (!HEAP_TYPES.has(form)) refuseType(form);
  return false;
}

function refuseType(form: number): never {
  return refuse(
    "TSK_COMPONENT_UNSUPPORTED",
    GC_HEAP_TYPES.has(form) ? "a reference type of the GC proposal" : `a value type 0x${form.toString(16)}`,
    "numbers, vectors, and references to functions, externals and exceptions",
  );
}
