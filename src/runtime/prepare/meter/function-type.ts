import type { ByteReader } from "../../component/byte-reader.ts";
import { refuse } from "../../component/refuse.ts";
import type { MeterLimits } from "./metered-module.ts";
import { skipValueType } from "./value-type.ts";

/** A function type of the original module, its value types still encoded. */
export interface FunctionType {
  readonly params: ValueTypes;
  readonly results: ValueTypes;
}

export interface ValueTypes {
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly holdsVector: boolean;
}

const FUNCTION = 0x60;

/** The type section. Recursive groups, subtypes, structs and arrays are GC and refused. */
export function readTypes(section: ByteReader, limits: MeterLimits): FunctionType[] {
  const count = section.count("types", limits.maxTypes);
  return Array.from({ length: count }, () => {
    if (section.byte() !== FUNCTION) {
      refuse("TSK_COMPONENT_UNSUPPORTED", "a type of the GC proposal", "function types");
    }
    return { params: readValueTypes(section, limits), results: readValueTypes(section, limits) };
  });
}

function readValueTypes(section: ByteReader, limits: MeterLimits): ValueTypes {
  const count = section.count("parameters or results", limits.maxParams);
  const start = section.at;
  let holdsVector = false;
  for (let index = 0; index < count; index += 1) {
    if (skipValueType(section)) holdsVector = true;
  }
  return { count, bytes: section.bytes.subarray(start, section.at), holdsVector };
}
