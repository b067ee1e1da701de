import { type FunctionType } from "../../component/value-type.ts";
import { FUEL_SCHEDULE } from "../../prepare/meter/index.ts";
import { AbiError } from "./abi-error.ts";
import { type AbiMemory, toPointer } from "./abi-memory.ts";
import { type AbiValue, type Codec, codecOf, FlatReader, type FlatValue } from "./codec.ts";

const MAX_FLAT_PARAMS = 16;
const MAX_FLAT_RESULTS = 1;

/** Parameters and result of a function on their way between core values and values. */
export interface FunctionCodec {
  /** What moving the parameters in and the result out costs, or the other way round, besides texts, bytes and lists. */
  readonly fuel: number;
  /** Host calls guest: the core arguments. May call `cabi_realloc`. */
  lowerParams(memory: AbiMemory, values: readonly AbiValue[]): FlatValue[];
  /** Host calls guest: the value of what the core function returned. */
  liftResult(memory: AbiMemory, returned: unknown): AbiValue | undefined;
  /** Guest calls host: the values of the core arguments. */
  liftParams(memory: AbiMemory, args: readonly unknown[]): readonly AbiValue[];
  /** Guest calls host: the core value to return; writes through the return pointer where there is one. */
  lowerResult(memory: AbiMemory, value: AbiValue | undefined, args: readonly unknown[]): FlatValue | undefined;
}

export function functionCodec(type: FunctionType): FunctionCodec {
  const params = codecOf({ kind: "tuple", items: type.params.map(([, of]) => of) });
  const result = type.result === undefined ? undefined : codecOf(type.result);
  const paramsByPointer = params.flat.length > MAX_FLAT_PARAMS;
  const resultByPointer = result !== undefined && result.flat.length > MAX_FLAT_RESULTS;
  const coreParams = paramsByPointer ? 1 : params.flat.length;
  return {
    fuel: (params.values + (result?.values ?? 0)) * FUEL_SCHEDULE.hostValue,
    lowerParams(memory, values) {
      if (!paramsByPointer) {
        const flat: FlatValue[] = [];
        params.lower(memory, values, flat);
        return flat;
      }
      const pointer = memory.allocate(params.size, params.align);
      params.store(memory, values, pointer);
      return [pointer | 0];
    },
    liftResult(memory, returned) {
      if (result === undefined) return undefined;
      if (resultByPointer) return result.load(memory, checkedPointer(memory, result, returned));
      return result.lift(memory, new FlatReader([returned]));
    },
    liftParams(memory, args) {
      const values = paramsByPointer
        ? params.load(memory, checkedPointer(memory, params, args[0]))
        : params.lift(memory, new FlatReader(args));
      return asValues(values);
    },
    lowerResult(memory, value, args) {
      if (result === undefined) return undefined;
      const present = valueOf(value);
      if (resultByPointer) {
        result.store(memory, present, checkedPointer(memory, result, args[coreParams]));
        return undefined;
      }
      const flat: FlatValue[] = [];
      result.lower(memory, present, flat);
      return flat[0];
    },
  };
}

/**
 * A pointer to a whole value: its members may be less strictly aligned than it is, and a case may be smaller.
 * A return pointer is checked before the value is lowered, so that a bad one costs no allocation.
 */
function checkedPointer(memory: AbiMemory, of: Codec, argument: unknown): number {
  const pointer = toPointer(argument);
  memory.at(pointer, of.size, of.align);
  return pointer;
}

function asValues(value: AbiValue): readonly AbiValue[] {
  if (!Array.isArray(value)) throw new AbiError("parameters that are no tuple");
  return value;
}

function valueOf(value: AbiValue | undefined): AbiValue {
  if (value === undefined) throw new TypeError("the host function returned nothing where its type has a result");
  return value;
}
