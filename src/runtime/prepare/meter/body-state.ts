/**
 * The function body that is being scanned: where the cursor stands, what has been written, which constructs are open and
 * which segment is running. The instruction files (`*-instructions.ts`) are functions over this one value.
 *
 * Source is copied to the scratch buffer late, in long pieces: `flush` brings it up to date before something is written
 * that the source does not have.
 */
import { refuse } from "../../component/refuse.ts";
import type { AddedFunctions } from "./added-functions.ts";
import { BodyCursor } from "./body-cursor.ts";
import type { BranchHints } from "./branch-hints.ts";
import { ByteWriter } from "./byte-writer.ts";
import { type ControlFrame, FRAME, type FrameKind, newFrame } from "./control-frame.ts";
import { FloatFlow } from "./float-flow.ts";
import { writeCatchReload, writeReload, writeSpill } from "./fuel-code.ts";
import type { FunctionType } from "./function-type.ts";
import { INSERT, Insertions } from "./insertions.ts";
import type { MeterIndices } from "./meter-indices.ts";
import type { MeterLimits } from "./metered-module.ts";
import { capped, type ModuleShape } from "./module-shape.ts";
import { ENTRY, EXIT, Segments } from "./segments.ts";
import type { TypeSection } from "./type-section.ts";
import { I32, I64, REF_NULL } from "./value-type.ts";

export interface BodyContext {
  readonly shape: ModuleShape;
  readonly types: TypeSection;
  readonly added: AddedFunctions;
  readonly indices: MeterIndices;
  readonly limits: MeterLimits;
  readonly hints: BranchHints;
  /** Functions that some ref.func names, by new index: they have to be declared outside of the bodies. */
  readonly referenced: Set<number>;
}

const NO_VALUES = { count: 0, bytes: new Uint8Array(0), holdsVector: false };

const FLOAT_TYPES = { f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

/** One value for all bodies of a module; `open` starts the next. */
export class BodyState {
  readonly context: BodyContext;
  cursor: BodyCursor;
  readonly scratch = new ByteWriter(1 << 16);
  readonly insertions = new Insertions();
  readonly segments = new Segments();
  readonly floats = new FloatFlow();
  /** Where the instruction at hand begins. */
  start = 0;

  type: FunctionType = { params: NO_VALUES, results: NO_VALUES };
  /** The local that holds the fuel word. */
  word = 0;
  /** Locals that the guest declared, without parameters. */
  locals = 0;
  localGroupCount = 0;
  localGroups: Uint8Array = NO_VALUES.bytes;
  /** Locals of our own behind the guest's, each encoded as a group of one. */
  readonly addedLocals: Uint8Array[] = [];

  /** Constructs open, the function itself among them. */
  depth = 0;
  /** The segment that runs; −1 in dead code and between two of them. */
  segment = -1;
  /** How often what follows is taken to run for one call of the function. */
  weight = 1;
  /** Nothing leads here. */
  dead = false;
  /** Operands on the stack, and the most there were. */
  height = 0;
  maxHeight = 0;
  /** Catch clauses of the older encoding that are open, and the most there were: each has an exception in hand, in a slot of its own. */
  catches = 0;
  maxCatches = 0;
  /** Labels and branches so far, and the operands that were on the stack at each of them, added up. */
  merges = 0;
  mergedOperands = 0;

  usesFunctionLabel = false;
  hasCalls = false;
  /** The depth of the frame counts from entry to exit: exceptions and tail calls find it taken. */
  needsDepthThroughout = false;
  /** The most slots that an import which is called takes on its way out (`outwardSlots`). */
  outward = 0;
  hasVectors = false;
  /** Constructs whose label a catch clause names, by ordinal. Known in whole only when the body was scanned once. */
  readonly caught = new Set<number>();
  /** The i64 local that keeps this frame's depth for where exceptions arrive; −1 while nothing needs it. */
  depthLocal = -1;

  readonly #frames: ControlFrame[] = [newFrame()];
  readonly #referenceLocals = new Map<number, number>();
  readonly #floatLocals = new Map<keyof typeof FLOAT_TYPES, number>();
  /** Up to where the source has been copied. */
  #copied = 0;
  #ordinals = 0;
  #indexLocal = -1;

  constructor(context: BodyContext) {
    this.context = context;
    this.cursor = new BodyCursor(context.shape.bytes, 0, 0);
  }

  /** Begins a body: reads its locals, opens the function's own construct and its first segment. */
  open(type: FunctionType, start: number, end: number): void {
    this.cursor = new BodyCursor(this.context.shape.bytes, start, end);
    this.scratch.clear();
    this.insertions.clear();
    this.type = type;
    this.addedLocals.length = 0;
    this.usesFunctionLabel = false;
    this.hasCalls = false;
    this.needsDepthThroughout = false;
    this.outward = 0;
    this.hasVectors = this.context.shape.holdsVectors;
    this.depthLocal = -1;
    this.#referenceLocals.clear();
    this.#floatLocals.clear();
    this.#indexLocal = -1;
    this.floats.open();
    this.#readLocals();
    this.start = this.cursor.at;
    this.#copied = this.cursor.at;
    this.depth = 0;
    this.#ordinals = 0;
    this.merges = 0;
    this.mergedOperands = 0;
    this.height = 0;
    this.maxHeight = 0;
    this.catches = 0;
    this.maxCatches = 0;
    this.dead = false;
    this.segments.clear();
    this.weight = 1;
    this.segment = this.segments.begin(ENTRY, this.insertions.add(0, INSERT.charge, 1), 1);
    this.pushFrame(FRAME.function, 0, type.results.count).joint = EXIT;
  }

  #readLocals(): void {
    const { cursor } = this;
    this.word = this.type.params.count;
    this.locals = 0;
    this.localGroupCount = cursor.u32();
    const from = cursor.at;
    for (let group = 0; group < this.localGroupCount; group += 1) {
      const first = this.word + this.locals;
      this.locals += cursor.u32();
      capped("locals in one function", this.word + this.locals, this.context.limits.maxLocals);
      const type = cursor.peek();
      if (type === FLOAT_TYPES.f32) this.floats.declare(first, this.word + this.locals, INSERT.canonical32);
      if (type === FLOAT_TYPES.f64) this.floats.declare(first, this.word + this.locals, INSERT.canonical64);
      if (cursor.valueType()) this.hasVectors = true;
    }
    this.localGroups = cursor.bytes.subarray(from, cursor.at);
  }

  // ---- segments and operands ----

  /** The running segment costs that much more. */
  charge(cost: number): void {
    if (this.segment < 0) return;
    const { cost: costs } = this.segments;
    costs[this.segment] = (costs[this.segment] ?? 0) + cost;
  }

  /** The running segment ends before this instruction and leads to `joint`. */
  endSegment(joint: number): void {
    const { segment, segments } = this;
    if (segment < 0) return;
    segments.to[segment] = joint;
    if (segments.calls[segment] === 1) {
      this.before();
      segments.lastInsertion[segment] = this.insert(INSERT.giveBack);
    }
    this.segment = -1;
  }

  /** What follows this instruction is a new segment. Nothing in dead code. Returns its insertion. */
  beginSegment(joint: number, kind: number): number {
    const insertion = this.insertBehind(kind);
    if (!this.dead) this.segment = this.segments.begin(joint, insertion, this.weight);
    return insertion;
  }

  /** The joint of a construct's label. */
  jointOf(frame: ControlFrame): number {
    if (frame.joint < 0) frame.joint = this.segments.joint();
    return frame.joint;
  }

  /** Operands come and go. In dead code nobody counts. */
  move(change: number): void {
    if (this.dead) return;
    this.height += change;
    if (this.height > this.maxHeight) this.maxHeight = this.height;
  }

  /** Code of ours has that many operands somewhere. */
  needOperands(height: number): void {
    if (height > this.maxHeight) this.maxHeight = height;
  }

  /** V8 keeps all locals and operands apart for each way that leads to a label. */
  merge(): void {
    this.merges += 1;
    this.mergedOperands += this.height;
  }

  /** The rest of this construct does not run. */
  die(): void {
    this.dead = true;
    this.floats.forget();
    this.segment = -1;
    this.height = this.top().base;
  }

  // ---- constructs ----

  top(): ControlFrame {
    return this.frame(this.depth - 1);
  }

  frame(index: number): ControlFrame {
    return this.#frames[index] ?? this.broken("a label that is not there");
  }

  pushFrame(kind: FrameKind, params: number, results: number): ControlFrame {
    const index = this.depth;
    capped("blocks within blocks", index, this.context.limits.maxNesting);
    if (index === this.#frames.length) this.#frames.push(newFrame());
    const frame = this.frame(index);
    frame.kind = kind;
    frame.base = this.height - params;
    frame.params = params;
    frame.results = results;
    frame.ordinal = this.#ordinals;
    frame.live = !this.dead;
    frame.weight = this.weight;
    frame.joint = -1;
    frame.fork = -1;
    frame.merged = false;
    frame.looped = false;
    frame.caught = this.caught.has(this.#ordinals);
    frame.insertion = -1;
    this.#ordinals += 1;
    this.merge();
    this.depth = index + 1;
    return frame;
  }

  /** True if a catch clause names the label of the construct that comes next. */
  nextIsCaught(): boolean {
    return this.caught.has(this.#ordinals);
  }

  // ---- writing ----

  /** Copies the source up to `until`. */
  flush(until: number): void {
    this.scratch.copy(this.cursor.bytes, this.#copied, until);
    this.#copied = until;
  }

  /** Copies the source up to this instruction: what is written now comes before it. */
  before(): ByteWriter {
    this.flush(this.start);
    return this.scratch;
  }

  /** Copies the source, this instruction included: what is written now comes behind it. */
  behind(): ByteWriter {
    this.flush(this.cursor.at);
    return this.scratch;
  }

  /** Copies the source up to this instruction and skips it: what is written now stands in its place. */
  instead(): ByteWriter {
    this.flush(this.start);
    this.#copied = this.cursor.at;
    return this.scratch;
  }

  /** Plans code for this place that can only be written when the whole body is known. */
  insert(kind: number): number {
    return this.insertions.add(this.scratch.length, kind, this.depth);
  }

  insertBehind(kind: number): number {
    this.behind();
    return this.insert(kind);
  }

  /** The global takes the word before this instruction. */
  spill(): void {
    writeSpill(this.before(), this.word, this.context.indices);
  }

  /** The word comes from the global behind this instruction. */
  reload(): void {
    writeReload(this.behind(), this.word, this.context.indices);
  }

  /** The same where an exception may have led there. */
  catchReload(): void {
    writeCatchReload(this.behind(), this.word, this.keepDepth(), this.context.indices);
  }

  // ---- locals of our own ----

  /** An i32: table indices and lengths wait in it. */
  indexLocal(): number {
    if (this.#indexLocal < 0) this.#indexLocal = this.#addLocal(I32);
    return this.#indexLocal;
  }

  /** A nullable reference to a function of this type waits in it. */
  referenceLocal(typeIndex: number): number {
    const known = this.#referenceLocals.get(typeIndex);
    if (known !== undefined) return known;
    const encoded = new ByteWriter(8);
    encoded.byte(REF_NULL);
    encoded.signed(typeIndex);
    const local = this.#addLocal(...encoded.view());
    this.#referenceLocals.set(typeIndex, local);
    return local;
  }

  /** A float waits in it to be compared with itself. */
  floatLocal(type: keyof typeof FLOAT_TYPES): number {
    const known = this.#floatLocals.get(type);
    if (known !== undefined) return known;
    const local = this.#addLocal(FLOAT_TYPES[type]);
    this.#floatLocals.set(type, local);
    return local;
  }

  keepDepth(): number {
    if (this.depthLocal < 0) this.depthLocal = this.#addLocal(I64);
    return this.depthLocal;
  }

  #addLocal(...type: readonly number[]): number {
    return this.word + this.locals + this.addedLocals.push(Uint8Array.of(1, ...type));
  }

  // ---- what cannot be ----

  /** A valid body whose operand count disagrees with ours means that the opcode tables are wrong. */
  checkHeight(frame: ControlFrame): void {
    if (this.height !== frame.base + frame.results) {
      this.broken(`${this.height} operands where ${frame.base + frame.results} are expected`);
    }
  }

  broken(what: string): never {
    return refuse("TSK_COMPONENT_METER_FAILED", `${what} (offset ${this.start})`);
  }

  refuseOpcode(name: string): never {
    return refuse(
      "TSK_COMPONENT_UNSUPPORTED",
      `an instruction with opcode ${name}`,
      "the instructions of docs/fuel.md",
    );
  }
}
