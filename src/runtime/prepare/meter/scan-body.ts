import type { BodyState } from "./body-state.ts";
import { call, callIndirect, callRef, returnCall, returnCallIndirect, returnCallRef } from "./call-instructions.ts";
import { canonicalVector, followFloats } from "./canonical-nan.ts";
import { FRAME } from "./control-frame.ts";
import {
  br,
  brConditional,
  brTable,
  closeBlock,
  openBlock,
  openElse,
  openIf,
  openLoop,
  returnFromFunction,
} from "./control-instructions.ts";
import { catchAll, catchTag, openTryTable, throwAgain, throwTag } from "./exception-instructions.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import { bulk, memoryGrow } from "./growth-instructions.ts";
import { OP } from "./instruction.ts";
import { capped } from "./module-shape.ts";
import { IMMEDIATE, PLAIN_OPCODES, VECTOR_OPCODES } from "./opcodes.ts";

/** The first pass: copies the instructions of an opened body to the scratch buffer, rewritten, and finds its segments. */
export function scanBody(body: BodyState): void {
  const { cursor, context } = body;
  body.charge(FUEL_SCHEDULE.functionEntry);
  while (body.depth > 0) {
    body.start = cursor.at;
    const opcode = cursor.byte();
    const immediate = PLAIN_OPCODES.immediate[opcode] ?? IMMEDIATE.unknown;
    if (immediate === IMMEDIATE.special) special(body, opcode);
    else {
      if (immediate === IMMEDIATE.unknown) body.refuseOpcode(`0x${opcode.toString(16)}`);
      if (immediate !== IMMEDIATE.none) cursor.skipImmediates(immediate);
      body.charge(FUEL_SCHEDULE.instruction);
      body.move(PLAIN_OPCODES.growth[opcode] ?? 0);
      followFloats(body, opcode);
    }
  }
  if (!cursor.done) body.broken("a body that goes on behind its end");
  body.floats.close(body);
  const locals = body.word + body.locals + body.addedLocals.length;
  const work = body.merges * locals + body.mergedOperands;
  capped("merges of locals and operands in one function", work, context.limits.maxMergeWork);
}

function special(body: BodyState, opcode: number): void {
  if (!LEAVES_FLOATS.has(opcode)) body.floats.look(body);
  switch (opcode) {
    case OP.localGet:
      return local(body, 1);
    case OP.localSet:
      return local(body, -1);
    case OP.localTee:
      return local(body, 0);
    case OP.globalGet:
      return global(body, 1);
    case OP.globalSet:
      return global(body, -1);
    case OP.unreachable:
      // So that a guest that gives up is charged for what it did (docs/fuel.md, "What a trapped run is charged").
      if (!body.dead) body.spill();
      return body.die();
    case OP.nop:
      return body.charge(FUEL_SCHEDULE.structural);
    case OP.drop:
      body.charge(FUEL_SCHEDULE.structural);
      return body.move(-1);
    case OP.selectTyped:
      return selectTyped(body);
    case OP.block:
      return void openBlock(body, FRAME.block);
    case OP.loop:
      return openLoop(body);
    case OP.if:
      return openIf(body);
    case OP.else:
      return openElse(body);
    case OP.end:
      return closeBlock(body);
    case OP.br:
      return br(body);
    case OP.brIf:
      return brConditional(body, 1, 0);
    case OP.brOnNull:
      return brConditional(body, 0, 0);
    case OP.brOnNonNull:
      return brConditional(body, 0, 1);
    case OP.brTable:
      return brTable(body);
    case OP.return:
      return returnFromFunction(body);
    case OP.call:
      return call(body);
    case OP.callIndirect:
      return callIndirect(body);
    case OP.callRef:
      return callRef(body);
    case OP.returnCall:
      return returnCall(body);
    case OP.returnCallIndirect:
      return returnCallIndirect(body);
    case OP.returnCallRef:
      return returnCallRef(body);
    case OP.refNull:
      return refNull(body);
    case OP.refFunc:
      return refFunc(body);
    case OP.memoryGrow:
      return memoryGrow(body);
    case OP.bulk:
      return bulk(body);
    case OP.vector:
      return vector(body);
    case OP.throw:
      return throwTag(body);
    case OP.rethrow:
      body.cursor.u32();
      return throwAgain(body);
    case OP.throwRef:
      return throwAgain(body);
    case OP.try:
      return void openBlock(body, FRAME.try);
    case OP.catch:
      return catchTag(body);
    case OP.catchAll:
      return catchAll(body);
    case OP.delegate:
      body.cursor.u32();
      return closeBlock(body);
    case OP.tryTable:
      return openTryTable(body);
    default:
      return body.refuseOpcode(`0x${opcode.toString(16)}`);
  }
}

/** These move a float or leave it where it is; they are followed by themselves. */
const LEAVES_FLOATS: ReadonlySet<number> = new Set([OP.localGet, OP.localSet, OP.localTee, OP.globalGet, OP.nop]);

/** The word stands behind the parameters: every local behind it has moved by one. */
function local(body: BodyState, change: number): void {
  const index = body.cursor.u32();
  body.charge(FUEL_SCHEDULE.instruction);
  if (change < 1) body.floats.put(body, index, change === 0);
  body.move(change);
  if (index < body.word) return;
  const code = body.instead();
  code.copy(body.cursor.bytes, body.start, body.start + 1);
  code.u32(index + 1);
  if (change === 1) body.floats.get(body, index);
}

function global(body: BodyState, change: number): void {
  const index = body.cursor.u32();
  const { shape, indices } = body.context;
  body.charge(FUEL_SCHEDULE.instruction);
  body.move(change);
  if (index < shape.importedGlobals) return;
  const code = body.instead();
  code.copy(body.cursor.bytes, body.start, body.start + 1);
  code.u32(index + indices.shift);
}

function selectTyped(body: BodyState): void {
  for (let count = body.cursor.u32(); count > 0; count -= 1) body.cursor.valueType();
  body.charge(FUEL_SCHEDULE.instruction);
  body.move(-2);
}

function refNull(body: BodyState): void {
  body.cursor.heapType();
  body.charge(FUEL_SCHEDULE.instruction);
  body.move(1);
}

function refFunc(body: BodyState): void {
  const index = body.cursor.u32();
  const { added, referenced } = body.context;
  body.charge(FUEL_SCHEDULE.instruction);
  body.move(1);
  const target = added.referable(index);
  referenced.add(target);
  if (target === index) return;
  const code = body.instead();
  code.byte(OP.refFunc);
  code.u32(target);
}

function vector(body: BodyState): void {
  const opcode = body.cursor.u32();
  const immediate = VECTOR_OPCODES.immediate[opcode] ?? IMMEDIATE.unknown;
  if (immediate === IMMEDIATE.unknown) body.refuseOpcode(`0xfd ${opcode}`);
  body.cursor.skipImmediates(immediate);
  body.hasVectors = true;
  body.charge(FUEL_SCHEDULE.instruction);
  body.move(VECTOR_OPCODES.growth[opcode] ?? 0);
  canonicalVector(body, opcode);
}
