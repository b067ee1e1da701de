/** The functions that metering adds behind the original ones, each written when it is first asked for. */
import { ByteWriter } from "./byte-writer.ts";
import { frameUnits, outwardSlots, resultSlots, stackArguments } from "./frame-model.ts";
import { writeEntryTest, writeGlobal, writeI64, writeLocal, writeReturnedWord, writeSpill } from "./fuel-code.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import type { FunctionType } from "./function-type.ts";
import { BULK, EMPTY_BLOCK, OP } from "./instruction.ts";
import type { MeterIndices } from "./meter-indices.ts";
import { PAGE_BYTES, TABLE_ENTRY_BYTES } from "./metered-module.ts";
import { capped, maxMeteredBytes, type ModuleShape } from "./module-shape.ts";
import type { TypeSection } from "./type-section.ts";
import { I32, I64 } from "./value-type.ts";

/** WebAssembly's own limits on growth. */
const MOST_PAGES = 65_536;
/** V8's. */
const MOST_TABLE_ENTRIES = 10_000_000;

const NONE = new Uint8Array(0);
const ONE_I32 = Uint8Array.of(I32);

export class AddedFunctions {
  readonly #shape: ModuleShape;
  readonly #types: TypeSection;
  readonly #indices: MeterIndices;
  readonly #known = new Map<string, number>();
  readonly #typeIndices: number[] = [];
  readonly #bodies = new ByteWriter();

  constructor(shape: ModuleShape, types: TypeSection, indices: MeterIndices) {
    this.#shape = shape;
    this.#types = types;
    this.#indices = indices;
  }

  /** Type indices of the added functions, in order. */
  get typeIndices(): readonly number[] {
    return this.#typeIndices;
  }

  /** Their bodies, each with its size in front. */
  get bodies(): Uint8Array {
    return this.#bodies.view();
  }

  /** What an export or `start` names instead of a defined function: the original type, fuel from and to the global. */
  outward(functionIndex: number): number {
    if (functionIndex < this.#shape.importedFunctions) return functionIndex;
    const typeIndex = this.#typeIndexOf(functionIndex);
    return this.#once(
      `outward ${functionIndex}`,
      () => this.#types.original(typeIndex),
      (code) => {
        pushParams(code, this.#types.type(typeIndex));
        writeGlobal(code, OP.globalGet, this.#indices.fuel);
        code.byte(OP.call);
        code.u32(functionIndex);
        writeGlobal(code, OP.globalSet, this.#indices.fuel);
      },
    );
  }

  /** What a reference to a function names: itself, or for an import a thunk of the metered type. */
  referable(functionIndex: number): number {
    if (functionIndex >= this.#shape.importedFunctions) return functionIndex;
    const typeIndex = this.#typeIndexOf(functionIndex);
    return this.#once(
      `referable ${functionIndex}`,
      () => typeIndex,
      (code) => {
        const type = this.#types.type(typeIndex);
        const word = type.params.count;
        // A thunk counts as a frame: a tail call that ends in it would otherwise grow V8's stack unseen.
        const depth = frameUnits({
          slots: word + stackArguments(word) + Math.max(word, resultSlots(type.results.count)) + 2,
          vectors: this.#shape.holdsVectors,
          outward: outwardSlots(type),
        });
        writeEntryTest(code, word, FUEL_SCHEDULE.functionEntry + FUEL_SCHEDULE.importCall, depth);
        code.raw(OP.if, EMPTY_BLOCK);
        writeSpill(code, word, this.#indices);
        code.raw(OP.unreachable, OP.end);
        writeSpill(code, word, this.#indices);
        pushParams(code, type);
        code.byte(OP.call);
        code.u32(functionIndex);
        writeGlobal(code, OP.globalGet, this.#indices.fuel);
        writeLocal(code, OP.localSet, word);
        writeReturnedWord(code, word, depth);
      },
    );
  }

  /** memory.grow within the byte budget: (pages) → old pages or −1. */
  growMemory(memory: number): number {
    const max = this.#shape.memories[memory]?.maxPages ?? MOST_PAGES;
    const grow = new ByteWriter(8);
    grow.byte(OP.memoryGrow);
    grow.u32(memory);
    const size = new ByteWriter(8);
    size.byte(OP.memorySize);
    size.u32(memory);
    return this.#once(
      `grow memory ${memory}`,
      () => this.#types.shape(1, ONE_I32, 1, ONE_I32),
      (code) => {
        this.#writeGrow(code, {
          delta: 0,
          max,
          unitBytes: PAGE_BYTES,
          size: size.view(),
          grow: grow.view(),
          imported: memory < this.#shape.importedMemories,
        });
      },
      GROW_LOCALS,
    );
  }

  /** table.grow within the byte budget: (initial value, entries) → old entries or −1. */
  growTable(table: number): number {
    const shape = this.#shape.tables[table];
    const reference = shape?.reference ?? NONE;
    const max = Math.min(shape?.maxEntries ?? MOST_TABLE_ENTRIES, MOST_TABLE_ENTRIES);
    const grow = new ByteWriter(8);
    grow.raw(OP.bulk, BULK.tableGrow);
    grow.u32(table);
    const size = new ByteWriter(8);
    size.raw(OP.bulk, BULK.tableSize);
    size.u32(table);
    const params = Uint8Array.of(...reference, I32);
    return this.#once(
      `grow table ${table}`,
      () => this.#types.shape(2, params, 1, ONE_I32),
      (code) => {
        this.#writeGrow(code, {
          delta: 1,
          max,
          unitBytes: TABLE_ENTRY_BYTES,
          size: size.view(),
          grow: grow.view(),
          imported: table < this.#shape.importedTables,
        });
      },
      GROW_LOCALS,
    );
  }

  /** Takes bytes from the budget for an object that the engine allocates; stops the run where they are not there. */
  takeBytes(): number {
    return this.#once(
      "take bytes",
      () => this.#types.shape(1, ONE_I32, 0, NONE),
      (code) => {
        const { bytesLeft, growthRefused } = this.#indices;
        writeLocal(code, OP.localGet, 0);
        code.byte(OP.i64ExtendI32U);
        writeGlobal(code, OP.globalGet, bytesLeft);
        code.raw(OP.i64GtS, OP.if, EMPTY_BLOCK, OP.i32Const, 1);
        writeGlobal(code, OP.globalSet, growthRefused);
        code.raw(OP.unreachable, OP.end);
        writeGlobal(code, OP.globalGet, bytesLeft);
        writeLocal(code, OP.localGet, 0);
        code.raw(OP.i64ExtendI32U, OP.i64Sub);
        writeGlobal(code, OP.globalSet, bytesLeft);
      },
    );
  }

  /**
   * Beyond the module's own maximum: −1, as without metering. Beyond the budget, or refused by the engine: −1 and the
   * refusal is recorded; not where the engine may have held the growth against the maximum of whoever defined it. Else the
   * budget pays.
   */
  #writeGrow(code: ByteWriter, plan: GrowPlan): void {
    const { delta, max, unitBytes, size, grow, imported } = plan;
    const { bytesLeft, growthRefused } = this.#indices;
    const old = delta + 1;
    const bytes = delta + 2;
    writeLocal(code, OP.localGet, delta);
    code.byte(OP.i64ExtendI32U);
    writeLocal(code, OP.localTee, bytes);
    code.copy(size);
    code.raw(OP.i64ExtendI32U, OP.i64Add);
    writeI64(code, max);
    code.raw(OP.i64GtU, OP.if, EMPTY_BLOCK, OP.i32Const, 0x7f, OP.return, OP.end);
    writeLocal(code, OP.localGet, bytes);
    writeI64(code, unitBytes);
    code.byte(OP.i64Mul);
    writeLocal(code, OP.localTee, bytes);
    writeGlobal(code, OP.globalGet, bytesLeft);
    code.raw(OP.i64GtS, OP.if, EMPTY_BLOCK, OP.i32Const, 1);
    writeGlobal(code, OP.globalSet, growthRefused);
    code.raw(OP.i32Const, 0x7f, OP.return, OP.end);
    for (let param = 0; param <= delta; param += 1) writeLocal(code, OP.localGet, param);
    code.copy(grow);
    writeLocal(code, OP.localTee, old);
    code.raw(OP.i32Const, 0x7f, OP.i32Eq, OP.if, EMPTY_BLOCK);
    if (!imported) {
      code.raw(OP.i32Const, 1);
      writeGlobal(code, OP.globalSet, growthRefused);
    }
    code.raw(OP.i32Const, 0x7f, OP.return, OP.end);
    writeGlobal(code, OP.globalGet, bytesLeft);
    writeLocal(code, OP.localGet, bytes);
    code.byte(OP.i64Sub);
    writeGlobal(code, OP.globalSet, bytesLeft);
    writeLocal(code, OP.localGet, old);
  }

  #typeIndexOf(functionIndex: number): number {
    const typeIndex = this.#shape.functions[functionIndex];
    if (typeIndex === undefined) throw new RangeError(`function ${functionIndex}`);
    return typeIndex;
  }

  #once(key: string, typeIndex: () => number, write: (code: ByteWriter) => void, locals = NO_LOCALS): number {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.#shape.functions.length + this.#typeIndices.length;
    this.#known.set(key, index);
    this.#typeIndices.push(typeIndex());
    const code = new ByteWriter(64);
    code.copy(locals);
    write(code);
    code.byte(OP.end);
    this.#bodies.sized(code.view());
    capped("bytes of metered code", this.#bodies.length, maxMeteredBytes(this.#shape.bytes.length));
    return index;
  }
}

interface GrowPlan {
  /** The parameter that holds how much to grow by; it is the last. */
  readonly delta: number;
  readonly max: number;
  readonly unitBytes: number;
  /** The instruction that pushes the current size. */
  readonly size: Uint8Array;
  /** The instruction that grows. */
  readonly grow: Uint8Array;
  /** Another module defines it, and its maximum may be smaller than the one that is declared here. */
  readonly imported: boolean;
}

const NO_LOCALS = Uint8Array.of(0);
/** Behind the parameters: the old size (i32), the bytes asked for (i64). */
const GROW_LOCALS = Uint8Array.of(2, 1, I32, 1, I64);

function pushParams(code: ByteWriter, type: FunctionType): void {
  for (let index = 0; index < type.params.count; index += 1) writeLocal(code, OP.localGet, index);
}
