/**
 * Rewrites function bodies, one after the other. Two passes over each: `scan` copies instructions into a scratch buffer,
 * rewrites those that need it and finds the regions; `assemble` writes the result with the regions' charges in place.
 *
 * **The fuel word** is an i64 local: the added parameter behind the original ones. Calls hand it on and take it back;
 * what leaves the module (imports, exceptions, stops) goes through the imported global.
 *
 * **A region** is all code of a function that runs exactly as often as its first instruction, as far as structure tells
 * it: what follows the end of a construct belongs to the region before the construct, unless a branch out of the
 * construct can skip it. A region is charged as a whole where it begins. (Only a trap or an exception out of a call can
 * leave one half-way.)
 *
 * **Shape of a rewritten body**; each outer block only if something needs it. The blocks stand outside of all guest
 * labels, so that no label of the guest changes its number, and the inner one takes the place of the function's label.
 *
 *     block $stop
 *       block $body (results)
 *         entry charge, guest code
 *       end
 *       push word, return
 *     end
 *     global ← word, unreachable
 */
import { refuse } from "../../component/refuse.ts";
import type { AddedFunctions } from "./added-functions.ts";
import { BodyCursor } from "./body-cursor.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type ControlFrame, FRAME, type FrameKind, newFrame } from "./control-frame.ts";
import { frameUnits } from "./frame-model.ts";
import {
  type LengthPrice,
  writeCatchReload,
  writeCharge,
  writeCheckedCharge,
  writeEntryTest,
  writeFuelCheck,
  writeKeepDepth,
  writeLengthCharge,
  writeLocal,
  writeReload,
  writeReturnedWord,
  writeSpill,
} from "./fuel-code.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import type { FunctionType } from "./function-type.ts";
import { INSERT, Insertions } from "./insertions.ts";
import { BULK, CATCH_CLAUSE, EMPTY_BLOCK, OP } from "./instruction.ts";
import { EXCEPTION_BYTES, EXCEPTION_VALUE_BYTES, type MeterLimits } from "./metered-module.ts";
import type { MeterIndices } from "./meter-indices.ts";
import { capped, type ModuleShape } from "./module-shape.ts";
import { BULK_OPCODES, IMMEDIATE, PLAIN_OPCODES, VECTOR_OPCODES } from "./opcodes.ts";
import type { TypeSection } from "./type-section.ts";
import { I32, I64 } from "./value-type.ts";

/** A function without calls is entered without a look at the fuel if no path through it costs more. */
const UNCHECKED_COST = 1_000;
/** A function without calls is entered without counting depth if its frame takes no more units. */
const UNCOUNTED_UNITS = 4;

const BYTES_PRICE: LengthPrice = { units: 1, perUnit: FUEL_SCHEDULE.bulkBytesPerUnit };
const ENTRIES_PRICE: LengthPrice = { units: FUEL_SCHEDULE.bulkTableEntry, perUnit: 1 };
const PAGES_PRICE: LengthPrice = { units: FUEL_SCHEDULE.memoryGrowPage, perUnit: 1 };
const TABLE_GROW_PRICE: LengthPrice = { units: FUEL_SCHEDULE.tableGrowEntry, perUnit: 1 };

export interface BodyContext {
  readonly shape: ModuleShape;
  readonly types: TypeSection;
  readonly added: AddedFunctions;
  readonly indices: MeterIndices;
  readonly limits: MeterLimits;
  /** Functions that some ref.func names, by new index: they have to be declared outside of the bodies. */
  readonly referenced: Set<number>;
}

export class BodyRewriter {
  readonly #context: BodyContext;
  #cursor: BodyCursor;
  readonly #scratch = new ByteWriter(1 << 16);
  readonly #entry = new ByteWriter(1 << 16);
  readonly #insertions = new Insertions();
  readonly #frames: ControlFrame[] = [newFrame()];
  readonly #caughtOrdinals = new Set<number>();
  readonly #referenceTemps = new Map<number, number>();

  /** Up to where the source has been copied to the scratch buffer. */
  #copied = 0;
  #start = 0;
  #depth = 0;
  #ordinals = 0;
  #region = -1;
  #dead = false;
  #height = 0;
  #maxHeight = 0;
  #mergeWork = 0;

  #type: FunctionType = { params: NO_VALUES, results: NO_VALUES };
  #word = 0;
  #locals = 0;
  #localGroups: Uint8Array = new Uint8Array(0);
  #localGroupCount = 0;
  /** Locals of our own behind the guest's, each encoded as a group of one. */
  #addedLocals: Uint8Array[] = [];
  #lengthTemp = -1;
  #depthLocal = -1;

  #usesFunctionLabel = false;
  #hasCalls = false;
  #leavesModule = false;
  #hasVectors = false;

  constructor(context: BodyContext) {
    this.#context = context;
    this.#cursor = new BodyCursor(context.shape.bytes, 0, 0);
  }

  /** Rewrites the body in `[start, end)` of a function of this type; the code entry is written with its size. */
  rewrite(typeIndex: number, start: number, end: number, out: ByteWriter): void {
    this.#type = this.#context.types.type(typeIndex);
    this.#caughtOrdinals.clear();
    const known = this.#scan(start, end);
    // A label was branched to before a catch clause was seen to name it: once more, now with all of them known.
    if (!known) this.#scan(start, end);
    this.#assemble();
    out.sized(this.#entry.view());
  }

  // ---- first pass ----

  /** True unless a catch clause named a label that was not known as caught before. */
  #scan(start: number, end: number): boolean {
    const cursor = new BodyCursor(this.#context.shape.bytes, start, end);
    this.#cursor = cursor;
    this.#scratch.clear();
    this.#insertions.clear();
    this.#referenceTemps.clear();
    this.#addedLocals = [];
    this.#lengthTemp = -1;
    this.#depthLocal = -1;
    this.#usesFunctionLabel = false;
    this.#hasCalls = false;
    this.#leavesModule = false;
    this.#hasVectors = this.#context.shape.holdsVectors;
    this.#mergeWork = 0;
    this.#readLocals();

    const caughtBefore = this.#caughtOrdinals.size;
    this.#copied = cursor.at;
    this.#depth = 0;
    this.#ordinals = 0;
    this.#height = 0;
    this.#maxHeight = 0;
    this.#dead = false;
    this.#region = this.#insertions.add(0, INSERT.charge, 1);
    this.#charge(FUEL_SCHEDULE.functionEntry);
    this.#pushFrame(FRAME.function, 0, this.#type.results.count);

    while (this.#depth > 0) {
      this.#start = cursor.at;
      this.#instruction(cursor.byte());
      if (this.#height > this.#maxHeight) this.#maxHeight = this.#height;
    }
    if (cursor.at !== end) this.#broken("a body that goes on behind its end");
    capped(
      "merges of locals in one function",
      this.#mergeWork * (this.#word + this.#locals),
      this.#context.limits.maxMergeWork,
    );
    return this.#caughtOrdinals.size === caughtBefore;
  }

  #readLocals(): void {
    const cursor = this.#cursor;
    const { limits } = this.#context;
    this.#word = this.#type.params.count;
    this.#locals = 0;
    this.#localGroupCount = cursor.u32();
    const from = cursor.at;
    for (let group = 0; group < this.#localGroupCount; group += 1) {
      this.#locals += cursor.u32();
      capped("locals in one function", this.#word + this.#locals, limits.maxLocals);
      if (cursor.valueType()) this.#hasVectors = true;
    }
    this.#localGroups = cursor.bytes.subarray(from, cursor.at);
  }

  #instruction(opcode: number): void {
    const immediate = PLAIN_OPCODES.immediate[opcode] ?? IMMEDIATE.unknown;
    if (immediate !== IMMEDIATE.special) {
      if (immediate === IMMEDIATE.unknown) this.#refuseOpcode(`0x${opcode.toString(16)}`);
      this.#cursor.skipImmediates(immediate);
      this.#charge(FUEL_SCHEDULE.instruction);
      this.#move(PLAIN_OPCODES.growth[opcode] ?? 0);
      return;
    }
    switch (opcode) {
      case OP.localGet:
        this.#local(1);
        return;
      case OP.localSet:
        this.#local(-1);
        return;
      case OP.localTee:
        this.#local(0);
        return;
      case OP.globalGet:
        this.#global(1);
        return;
      case OP.globalSet:
        this.#global(-1);
        return;
      case OP.nop:
        return;
      case OP.drop:
        this.#move(-1);
        return;
      case OP.selectTyped:
        for (let count = this.#cursor.u32(); count > 0; count -= 1) this.#cursor.valueType();
        this.#charge(FUEL_SCHEDULE.instruction);
        this.#move(-2);
        return;
      case OP.block:
        this.#block(FRAME.block);
        return;
      case OP.loop:
        this.#loop();
        return;
      case OP.if:
        this.#if();
        return;
      case OP.else:
        this.#else();
        return;
      case OP.end:
        this.#end();
        return;
      case OP.br:
        this.#charge(FUEL_SCHEDULE.instruction);
        this.#branch(this.#cursor.u32());
        this.#die();
        return;
      case OP.brIf:
        this.#charge(FUEL_SCHEDULE.instruction);
        this.#move(-1);
        this.#branch(this.#cursor.u32());
        this.#openRegion();
        return;
      case OP.brTable:
        this.#brTable();
        return;
      case OP.brOnNull:
        this.#charge(FUEL_SCHEDULE.instruction);
        this.#branch(this.#cursor.u32());
        this.#openRegion();
        return;
      case OP.brOnNonNull:
        this.#charge(FUEL_SCHEDULE.instruction);
        this.#branch(this.#cursor.u32());
        this.#move(-1);
        this.#openRegion();
        return;
      case OP.return:
        this.#return();
        return;
      case OP.unreachable:
        if (!this.#dead) this.#spill();
        this.#die();
        return;
      case OP.call:
        this.#call();
        return;
      case OP.callIndirect:
        this.#callIndirect();
        return;
      case OP.callRef:
        this.#callRef();
        return;
      case OP.returnCall:
        this.#returnCall();
        return;
      case OP.returnCallIndirect:
        this.#returnCallIndirect();
        return;
      case OP.returnCallRef:
        this.#returnCallRef();
        return;
      case OP.memoryGrow:
        this.#memoryGrow();
        return;
      case OP.refNull:
        this.#cursor.heapType();
        this.#charge(FUEL_SCHEDULE.instruction);
        this.#move(1);
        return;
      case OP.refFunc:
        this.#refFunc();
        return;
      case OP.throw:
        this.#throw();
        return;
      case OP.rethrow:
        this.#cursor.u32();
        this.#throwAgain();
        return;
      case OP.throwRef:
        this.#throwAgain();
        return;
      case OP.try:
        this.#block(FRAME.try);
        return;
      case OP.catch:
        this.#catch(this.#tagParams(this.#cursor.u32()));
        return;
      case OP.catchAll:
        this.#catch(0);
        return;
      case OP.delegate:
        this.#cursor.u32();
        this.#end();
        return;
      case OP.tryTable:
        this.#tryTable();
        return;
      case OP.bulk:
        this.#bulk();
        return;
      case OP.vector:
        this.#vector();
        return;
      default:
        this.#refuseOpcode(`0x${opcode.toString(16)}`);
    }
  }

  #charge(cost: number): void {
    if (this.#region < 0) return;
    const { cost: costs } = this.#insertions;
    costs[this.#region] = (costs[this.#region] ?? 0) + cost;
  }

  /** Operands come and go. In dead code nobody counts. */
  #move(change: number): void {
    if (!this.#dead) this.#height += change;
  }

  /** The rest of this construct does not run. */
  #die(): void {
    this.#dead = true;
    this.#region = -1;
    this.#height = this.#top().base;
  }

  /** What follows runs under conditions of its own. */
  #openRegion(): void {
    if (!this.#dead) this.#region = this.#insert(INSERT.charge);
  }

  /** Plans code for behind what has been read. */
  #insert(kind: number): number {
    this.#flush(this.#cursor.at);
    return this.#insertions.add(this.#scratch.length, kind, this.#depth);
  }

  /** Copies the source up to `until`. */
  #flush(until: number): void {
    this.#scratch.copy(this.#cursor.bytes, this.#copied, until);
    this.#copied = until;
  }

  /** Copies what lies before this instruction; the instruction itself is going to be written anew. */
  #replace(): ByteWriter {
    this.#flush(this.#start);
    this.#copied = this.#cursor.at;
    return this.#scratch;
  }

  #top(): ControlFrame {
    return this.#frame(this.#depth - 1);
  }

  #frame(index: number): ControlFrame {
    return this.#frames[index] ?? this.#broken("a label that is not there");
  }

  #pushFrame(kind: FrameKind, params: number, results: number): ControlFrame {
    const index = this.#depth;
    capped("blocks within blocks", index, this.#context.limits.maxNesting);
    if (index === this.#frames.length) this.#frames.push(newFrame());
    const frame = this.#frame(index);
    frame.kind = kind;
    frame.base = this.#height - params;
    frame.params = params;
    frame.results = results;
    frame.ordinal = this.#ordinals;
    frame.region = this.#region;
    frame.escape = index;
    frame.merged = false;
    frame.looped = false;
    frame.caught = this.#caughtOrdinals.has(this.#ordinals);
    frame.insertion = -1;
    this.#ordinals += 1;
    this.#mergeWork += 1;
    this.#depth = index + 1;
    return frame;
  }

  /** Reads a block type, gives a copy of it to the scratch buffer where its index changes, opens the construct. */
  #block(kind: FrameKind): ControlFrame {
    const index = this.#cursor.blockType();
    if (index >= 0) {
      const type = this.#context.types.type(index);
      const code = this.#replace();
      code.copy(this.#cursor.bytes, this.#start, this.#start + 1);
      code.signed(this.#context.types.original(index));
      return this.#pushFrame(kind, type.params.count, type.results.count);
    }
    return this.#pushFrame(kind, 0, index === BodyCursor.emptyBlock ? 0 : 1);
  }

  #loop(): void {
    const caught = this.#caughtOrdinals.has(this.#ordinals);
    if (caught) this.#spill();
    const frame = this.#block(FRAME.loop);
    if (caught) this.#reloadBehind();
    frame.insertion = this.#insert(INSERT.checkedCharge);
    if (!this.#dead) this.#region = frame.insertion;
  }

  #if(): void {
    if (this.#caughtOrdinals.has(this.#ordinals)) this.#spill();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#move(-1);
    this.#block(FRAME.if);
    this.#openRegion();
  }

  #else(): void {
    const frame = this.#top();
    this.#leaveArm(frame);
    frame.kind = FRAME.else;
    this.#enterArm(frame, frame.params);
    this.#openRegion();
  }

  #catch(params: number): void {
    const frame = this.#top();
    this.#leaveArm(frame);
    frame.kind = FRAME.catch;
    this.#enterArm(frame, params);
    this.#reloadBehind();
    this.#openRegion();
  }

  #leaveArm(frame: ControlFrame): void {
    if (this.#dead) return;
    this.#checkHeight(frame);
    frame.merged = true;
    if (frame.caught) this.#spill();
  }

  #enterArm(frame: ControlFrame, params: number): void {
    this.#dead = frame.region < 0;
    this.#height = frame.base + params;
  }

  #end(): void {
    const frame = this.#top();
    if (!this.#dead) {
      this.#checkHeight(frame);
      if (frame.caught) this.#spill();
    }
    this.#depth -= 1;
    if (frame.kind === FRAME.function) {
      this.#flush(this.#start);
      return;
    }
    const index = this.#depth;
    const parent = this.#top();
    if (frame.escape < parent.escape) parent.escape = frame.escape;
    // Without an else, the condition alone leads here.
    if (frame.kind === FRAME.if && frame.region >= 0) frame.merged = true;
    if (frame.kind === FRAME.loop && !frame.looped) this.#insertions.kind[frame.insertion] = INSERT.charge;
    if (frame.caught && frame.kind !== FRAME.loop) this.#reloadBehind();
    this.#height = frame.base + frame.results;
    if (this.#dead && !frame.merged) {
      this.#region = -1;
      return;
    }
    this.#dead = false;
    if (frame.escape >= index) this.#region = frame.region;
    else if (frame.merged) this.#openRegion();
  }

  /** A branch to label `label`, taken or not: what the target and the constructs between have to know of it. */
  #branch(label: number): void {
    this.#branchTo(this.#depth - 1 - label);
  }

  #branchTo(index: number): void {
    if (this.#noteBranch(index)) this.#spill();
  }

  /** True where the word has to be in the global on the way. */
  #noteBranch(index: number): boolean {
    const target = this.#frame(index);
    this.#mergeWork += 1;
    if (index === 0) this.#usesFunctionLabel = true;
    if (this.#dead) return false;
    if (target.kind === FRAME.loop) target.looped = true;
    else target.merged = true;
    const top = this.#top();
    if (index < top.escape) top.escape = index;
    return target.caught;
  }

  #brTable(): void {
    this.#charge(FUEL_SCHEDULE.instruction);
    const count = this.#cursor.u32();
    capped("targets of a br_table", count, this.#context.limits.maxBranchTargets);
    let caught = false;
    for (let arm = 0; arm <= count; arm += 1) {
      if (this.#noteBranch(this.#depth - 1 - this.#cursor.u32())) caught = true;
    }
    if (caught) this.#spill();
    this.#move(-1);
    this.#die();
  }

  #return(): void {
    this.#charge(FUEL_SCHEDULE.structural);
    this.#branchTo(0);
    this.#replace();
    this.#writeLeave();
    this.#die();
  }

  /** To the end of the function: the results and nothing else matter there, as with return. */
  #writeLeave(): void {
    this.#scratch.byte(OP.br);
    this.#scratch.u32(this.#depth - 1);
  }

  // ---- calls ----

  #call(): void {
    const index = this.#cursor.u32();
    const type = this.#functionType(index);
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#hasCalls = true;
    if (index < this.#context.shape.importedFunctions) {
      this.#charge(FUEL_SCHEDULE.importCall);
      this.#leavesModule = true;
      this.#spill();
      this.#reloadBehind(false);
    } else {
      this.#flush(this.#start);
      writeLocal(this.#scratch, OP.localGet, this.#word);
      this.#takeWordBehind();
    }
    this.#called(type);
  }

  #callIndirect(): void {
    const type = this.#context.types.type(this.#cursor.u32());
    this.#cursor.u32();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#hasCalls = true;
    this.#wordBelow(this.#lengthLocal());
    this.#takeWordBehind();
    this.#move(-1);
    this.#called(type);
  }

  #callRef(): void {
    const index = this.#cursor.u32();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#hasCalls = true;
    this.#wordBelow(this.#referenceLocal(index));
    this.#takeWordBehind();
    this.#move(-1);
    this.#called(this.#context.types.type(index));
  }

  #returnCall(): void {
    const index = this.#cursor.u32();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#hasCalls = true;
    if (index < this.#context.shape.importedFunctions) {
      // The callee takes and gives no word: an ordinary call, and then the end of the function.
      this.#charge(FUEL_SCHEDULE.importCall);
      this.#leavesModule = true;
      this.#spill();
      this.#replace();
      this.#scratch.byte(OP.call);
      this.#scratch.u32(index);
      writeReload(this.#scratch, this.#word, this.#context.indices);
      if (this.#noteBranch(0)) writeSpill(this.#scratch, this.#word, this.#context.indices);
      this.#writeLeave();
    } else {
      this.#markReturn();
      this.#flush(this.#start);
      this.#insertReturnedWord();
    }
    this.#die();
  }

  #returnCallIndirect(): void {
    this.#cursor.u32();
    this.#cursor.u32();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#hasCalls = true;
    this.#markReturn();
    this.#returnedWordBelow(this.#lengthLocal());
    this.#die();
  }

  #returnCallRef(): void {
    const index = this.#cursor.u32();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#hasCalls = true;
    this.#markReturn();
    this.#returnedWordBelow(this.#referenceLocal(index));
    this.#die();
  }

  /** Control leaves the function from here. */
  #markReturn(): void {
    const top = this.#top();
    if (!this.#dead) top.escape = Math.min(top.escape, 0);
  }

  #called(type: FunctionType): void {
    this.#move(-type.params.count);
    this.#move(type.results.count);
  }

  /** Puts the word below the operand on top, which waits in a local of its own. */
  #wordBelow(temp: number): void {
    this.#flush(this.#start);
    writeLocal(this.#scratch, OP.localSet, temp);
    writeLocal(this.#scratch, OP.localGet, this.#word);
    writeLocal(this.#scratch, OP.localGet, temp);
  }

  #returnedWordBelow(temp: number): void {
    this.#flush(this.#start);
    writeLocal(this.#scratch, OP.localSet, temp);
    this.#insertReturnedWord();
    writeLocal(this.#scratch, OP.localGet, temp);
  }

  #insertReturnedWord(): void {
    this.#insertions.add(this.#scratch.length, INSERT.returnedWord, this.#depth);
  }

  #takeWordBehind(): void {
    this.#flush(this.#cursor.at);
    writeLocal(this.#scratch, OP.localSet, this.#word);
  }

  /** The global takes the word before this instruction. */
  #spill(): void {
    this.#flush(this.#start);
    writeSpill(this.#scratch, this.#word, this.#context.indices);
  }

  /** The word comes from the global behind this instruction; `caught` where an exception may have led there. */
  #reloadBehind(caught = true): void {
    this.#flush(this.#cursor.at);
    if (caught) writeCatchReload(this.#scratch, this.#word, this.#depthKeeper(), this.#context.indices);
    else writeReload(this.#scratch, this.#word, this.#context.indices);
  }

  // ---- locals, globals, references ----

  #local(change: number): void {
    const index = this.#cursor.u32();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#move(change);
    if (index < this.#word) return;
    const code = this.#replace();
    code.copy(this.#cursor.bytes, this.#start, this.#start + 1);
    code.u32(index + 1);
  }

  #global(change: number): void {
    const index = this.#cursor.u32();
    const { shape, indices } = this.#context;
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#move(change);
    if (index < shape.importedGlobals) return;
    const code = this.#replace();
    code.copy(this.#cursor.bytes, this.#start, this.#start + 1);
    code.u32(index + indices.shift);
  }

  #refFunc(): void {
    const index = this.#cursor.u32();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#move(1);
    const target = this.#context.added.referable(index);
    this.#context.referenced.add(target);
    if (target === index) return;
    const code = this.#replace();
    code.byte(OP.refFunc);
    code.u32(target);
  }

  #functionType(index: number): FunctionType {
    return this.#context.types.type(this.#context.shape.functions[index] ?? -1);
  }

  /** An i32 local of our own: table indices and lengths pass through it. */
  #lengthLocal(): number {
    if (this.#lengthTemp < 0) this.#lengthTemp = this.#addLocal(I32);
    return this.#lengthTemp;
  }

  /** The i64 local that keeps this frame's depth for where exceptions arrive. */
  #depthKeeper(): number {
    if (this.#depthLocal < 0) this.#depthLocal = this.#addLocal(I64);
    return this.#depthLocal;
  }

  #referenceLocal(typeIndex: number): number {
    const known = this.#referenceTemps.get(typeIndex);
    if (known !== undefined) return known;
    const encoded = new ByteWriter(8);
    encoded.byte(REF_NULL);
    encoded.signed(typeIndex);
    const local = this.#addLocal(...encoded.view());
    this.#referenceTemps.set(typeIndex, local);
    return local;
  }

  #addLocal(...type: readonly number[]): number {
    return this.#word + this.#locals + this.#addedLocals.push(Uint8Array.of(1, ...type));
  }

  // ---- growth and bulk ----

  #memoryGrow(): void {
    const memory = this.#cursor.u32();
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#chargeLength(PAGES_PRICE);
    const code = this.#replace();
    code.byte(OP.call);
    code.u32(this.#context.added.growMemory(memory));
  }

  #bulk(): void {
    const opcode = this.#cursor.u32();
    const immediate = BULK_OPCODES.immediate[opcode] ?? IMMEDIATE.unknown;
    if (immediate === IMMEDIATE.unknown) this.#refuseOpcode(`0xfc ${opcode}`);
    this.#charge(FUEL_SCHEDULE.instruction);
    if (immediate !== IMMEDIATE.special) {
      this.#cursor.skipImmediates(immediate);
      this.#move(BULK_OPCODES.growth[opcode] ?? 0);
      return;
    }
    const first = this.#cursor.u32();
    if (opcode !== BULK.memoryFill && opcode !== BULK.tableFill && opcode !== BULK.tableGrow) this.#cursor.u32();
    switch (opcode) {
      case BULK.memoryFill:
      case BULK.memoryCopy:
      case BULK.memoryInit:
        this.#chargeLength(BYTES_PRICE);
        this.#move(-3);
        return;
      case BULK.tableFill:
      case BULK.tableCopy:
      case BULK.tableInit:
        this.#chargeLength(ENTRIES_PRICE);
        this.#move(-3);
        return;
      case BULK.tableGrow: {
        this.#chargeLength(TABLE_GROW_PRICE);
        this.#move(-1);
        const code = this.#replace();
        code.byte(OP.call);
        code.u32(this.#context.added.growTable(first));
        return;
      }
      default:
        this.#refuseOpcode(`0xfc ${opcode}`);
    }
  }

  /** Charges for the length on top of the stack, before the instruction, and stops the run if that was too much. */
  #chargeLength(price: LengthPrice): void {
    const length = this.#lengthLocal();
    this.#flush(this.#start);
    writeLocal(this.#scratch, OP.localTee, length);
    writeLengthCharge(this.#scratch, this.#word, length, price);
    this.#insertions.add(this.#scratch.length, INSERT.check, this.#depth);
  }

  #vector(): void {
    const opcode = this.#cursor.u32();
    const immediate = VECTOR_OPCODES.immediate[opcode] ?? IMMEDIATE.unknown;
    if (immediate === IMMEDIATE.unknown) this.#refuseOpcode(`0xfd ${opcode}`);
    this.#hasVectors = true;
    this.#cursor.skipImmediates(immediate);
    this.#charge(FUEL_SCHEDULE.instruction);
    this.#move(VECTOR_OPCODES.growth[opcode] ?? 0);
  }

  // ---- exceptions ----

  #throw(): void {
    const params = this.#tagParams(this.#cursor.u32());
    this.#charge(FUEL_SCHEDULE.throw);
    this.#spill();
    this.#scratch.byte(OP.i32Const);
    this.#scratch.signed(EXCEPTION_BYTES + params * EXCEPTION_VALUE_BYTES);
    this.#scratch.byte(OP.call);
    this.#scratch.u32(this.#context.added.takeBytes());
    this.#unwind();
  }

  #throwAgain(): void {
    this.#charge(FUEL_SCHEDULE.throw);
    this.#spill();
    this.#unwind();
  }

  /** Nothing behind this instruction runs, up to wherever the exception is caught. */
  #unwind(): void {
    if (!this.#dead) this.#top().escape = -1;
    this.#die();
  }

  #tryTable(): void {
    const blockFrom = this.#cursor.at;
    const index = this.#cursor.blockType();
    const blockTo = this.#cursor.at;
    const clauses = this.#cursor.u32();
    const outer = this.#depth - 1;
    let escape = this.#depth;
    for (let clause = 0; clause < clauses; clause += 1) {
      const kind = this.#cursor.byte();
      if (kind > CATCH_CLAUSE.catchAllRef) this.#refuseOpcode(`try_table with a catch of kind ${kind}`);
      if (kind <= CATCH_CLAUSE.catchRef) this.#cursor.u32();
      const target = outer - this.#cursor.u32();
      escape = Math.min(escape, target);
      this.#markCaught(target);
    }
    let params = 0;
    let results = index === BodyCursor.emptyBlock ? 0 : 1;
    if (index >= 0) {
      const type = this.#context.types.type(index);
      params = type.params.count;
      results = type.results.count;
      const code = this.#replace();
      code.byte(OP.tryTable);
      code.signed(this.#context.types.original(index));
      code.copy(this.#cursor.bytes, blockTo, this.#cursor.at);
    } else if (blockFrom === blockTo) this.#broken("a try_table without a block type");
    const frame = this.#pushFrame(FRAME.tryTable, params, results);
    if (!this.#dead) frame.escape = escape;
  }

  /** An exception may arrive at this label: there, and at each way to it, the word goes through the global. */
  #markCaught(index: number): void {
    const target = this.#frame(index);
    this.#mergeWork += 1;
    this.#caughtOrdinals.add(target.ordinal);
    if (index === 0) {
      this.#usesFunctionLabel = true;
      this.#depthKeeper();
    }
    if (this.#dead) return;
    if (target.kind === FRAME.loop) target.looped = true;
    else target.merged = true;
  }

  #tagParams(tag: number): number {
    return this.#context.types.type(this.#context.shape.tags[tag] ?? -1).params.count;
  }

  // ---- second pass ----

  #assemble(): void {
    const { indices, types } = this.#context;
    const insertions = this.#insertions;
    const out = this.#entry;
    out.clear();

    const depth = this.#depthUnits();
    let cost = 0;
    let checks = 0;
    for (let index = 0; index < insertions.count; index += 1) {
      cost += insertions.cost[index] ?? 0;
      const kind = insertions.kind[index];
      if (kind === INSERT.check || kind === INSERT.checkedCharge) checks += 1;
    }
    const entryChecked = depth > 0 || cost > UNCHECKED_COST;
    const hasStop = entryChecked || checks > 0;
    const hasBody = this.#usesFunctionLabel;
    // Label of $stop where `nesting` constructs are open, the function itself among them.
    const stopAt = (nesting: number): number => nesting - 1 + (hasBody ? 1 : 0);

    out.u32(this.#localGroupCount + this.#addedLocals.length);
    out.copy(this.#localGroups);
    for (const group of this.#addedLocals) out.copy(group);
    if (hasStop) out.raw(OP.block, EMPTY_BLOCK);
    if (hasBody) {
      out.byte(OP.block);
      out.copy(types.resultBlock(this.#type.results));
    }
    this.#writeEntry(out, depth, entryChecked, stopAt(1));
    this.#writeInstructions(out, depth, stopAt);
    if (hasBody) {
      out.byte(OP.end);
      if (this.#caughtOrdinals.has(0)) writeCatchReload(out, this.#word, this.#depthLocal, indices);
    }
    writeReturnedWord(out, this.#word, depth);
    if (hasStop) {
      out.raw(OP.return, OP.end);
      writeSpill(out, this.#word, indices);
      out.byte(OP.unreachable);
    }
    out.byte(OP.end);
  }

  /** Units of call depth that this function takes on entry and gives back; 0 where it need not count. */
  #depthUnits(): number {
    const units = frameUnits({
      slots: this.#word + 1 + this.#locals + this.#addedLocals.length + this.#maxHeight,
      vectors: this.#hasVectors,
      leavesModule: this.#leavesModule,
    });
    return this.#hasCalls || units > UNCOUNTED_UNITS ? units : 0;
  }

  #writeEntry(out: ByteWriter, depth: number, checked: boolean, stop: number): void {
    const cost = this.#insertions.cost[0] ?? 0;
    if (depth > 0) {
      writeEntryTest(out, this.#word, cost, depth);
      out.byte(OP.brIf);
      out.u32(stop);
    } else if (checked) writeCheckedCharge(out, this.#word, cost, stop);
    else writeCharge(out, this.#word, cost);
    if (this.#depthLocal >= 0) writeKeepDepth(out, this.#word, this.#depthLocal);
  }

  #writeInstructions(out: ByteWriter, depth: number, stopAt: (nesting: number) => number): void {
    const { count, position, kind, cost, nesting } = this.#insertions;
    const code = this.#scratch.view();
    let from = 0;
    for (let index = 1; index < count; index += 1) {
      const to = position[index] ?? 0;
      out.copy(code, from, to);
      from = to;
      switch (kind[index]) {
        case INSERT.charge:
          writeCharge(out, this.#word, cost[index] ?? 0);
          break;
        case INSERT.checkedCharge:
          writeCheckedCharge(out, this.#word, cost[index] ?? 0, stopAt(nesting[index] ?? 0));
          break;
        case INSERT.check:
          writeFuelCheck(out, stopAt(nesting[index] ?? 0));
          break;
        default:
          writeReturnedWord(out, this.#word, depth);
      }
    }
    out.copy(code, from, code.length);
  }

  // ---- what cannot be ----

  /** A valid body whose operand count disagrees with ours means that the opcode tables are wrong. */
  #checkHeight(frame: ControlFrame): void {
    if (this.#height !== frame.base + frame.results) {
      this.#broken(`${this.#height} operands where ${frame.base + frame.results} are expected`);
    }
  }

  #broken(what: string): never {
    return refuse("TSK_COMPONENT_METER_FAILED", `${what} (offset ${this.#start})`);
  }

  #refuseOpcode(name: string): never {
    return refuse(
      "TSK_COMPONENT_UNSUPPORTED",
      `an instruction with opcode ${name}`,
      "the instructions of docs/fuel.md",
    );
  }
}

const NO_VALUES = { count: 0, bytes: new Uint8Array(0), holdsVector: false };
const REF_NULL = 0x63;
