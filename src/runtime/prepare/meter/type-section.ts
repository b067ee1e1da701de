import { ByteWriter } from "./byte-writer.ts";
import type { FunctionType, ValueTypes } from "./function-type.ts";
import { EMPTY_BLOCK } from "./instruction.ts";
import { I64 } from "./value-type.ts";

const FUNCTION = 0x60;

/**
 * The type section of the metered module.
 *
 * Type i of the original becomes its *metered* form, with the fuel word as one more parameter and result, at the same
 * index: function references, call_indirect and call_ref need no rewriting. What keeps the original form (imports,
 * exports, tags, blocks) refers to a copy further back.
 */
export class TypeSection {
  readonly types: readonly FunctionType[];
  readonly #added = new ByteWriter();
  readonly #originals = new Map<number, number>();
  readonly #resultBlocks = new Map<FunctionType, Uint8Array>();
  readonly #byShape = new Map<string, number>();
  #count: number;

  constructor(types: readonly FunctionType[]) {
    this.types = types;
    this.#count = types.length;
  }

  /** Type `index` of the original module. */
  type(index: number): FunctionType {
    const type = this.types[index];
    if (type === undefined) throw new RangeError(`type ${index} of ${this.types.length}`);
    return type;
  }

  /** The index of a copy of original type `index`. */
  original(index: number): number {
    const known = this.#originals.get(index);
    if (known !== undefined) return known;
    const { params, results } = this.type(index);
    const added = this.#add(params.count, params.bytes, results.count, results.bytes);
    this.#originals.set(index, added);
    return added;
  }

  /** The type of a block without parameters and with the results of this function type, encoded as a block type. */
  resultBlock(type: FunctionType): Uint8Array {
    const known = this.#resultBlocks.get(type);
    if (known !== undefined) return known;
    const block = this.#encodeResultBlock(type.results);
    this.#resultBlocks.set(type, block);
    return block;
  }

  #encodeResultBlock(results: ValueTypes): Uint8Array {
    if (results.count === 0) return Uint8Array.of(EMPTY_BLOCK);
    if (results.count === 1) return results.bytes;
    const writer = new ByteWriter(8);
    writer.signed(this.shape(0, new Uint8Array(0), results.count, results.bytes));
    return writer.take();
  }

  /** The index of a type with exactly these parameters and results. */
  shape(paramCount: number, params: Uint8Array, resultCount: number, results: Uint8Array): number {
    const key = `${paramCount}:${params.join()}>${results.join()}`;
    const known = this.#byShape.get(key);
    if (known !== undefined) return known;
    const added = this.#add(paramCount, params, resultCount, results);
    this.#byShape.set(key, added);
    return added;
  }

  encode(): Uint8Array<ArrayBuffer> {
    const writer = new ByteWriter(this.types.length * 16 + this.#added.length + 16);
    if (this.#count === 0) return writer.take();
    writer.u32(this.#count);
    for (const { params, results } of this.types) {
      writer.byte(FUNCTION);
      for (const part of [params, results]) {
        writer.u32(part.count + 1);
        writer.copy(part.bytes);
        writer.byte(I64);
      }
    }
    writer.copy(this.#added.view());
    return writer.take();
  }

  #add(paramCount: number, params: Uint8Array, resultCount: number, results: Uint8Array): number {
    this.#added.byte(FUNCTION);
    this.#added.u32(paramCount);
    this.#added.copy(params);
    this.#added.u32(resultCount);
    this.#added.copy(results);
    this.#count += 1;
    return this.#count - 1;
  }
}
