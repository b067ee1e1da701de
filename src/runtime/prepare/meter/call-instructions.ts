/**
 * Calls. A defined function takes the word as its last argument and gives it back as its last result. An import keeps
 * its own type: the word goes through the global, which the other side (another metered module, the host) goes on with.
 */
import type { BodyState } from "./body-state.ts";
import { outwardSlots, resultSlots } from "./frame-model.ts";
import { writeLocal } from "./fuel-code.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import type { FunctionType } from "./function-type.ts";
import { INSERT } from "./insertions.ts";
import { OP } from "./instruction.ts";
import { EXIT } from "./segments.ts";

export function call(body: BodyState): void {
  const index = body.cursor.u32();
  const type = functionType(body, index);
  beginCall(body);
  if (index < body.context.shape.importedFunctions) {
    body.charge(FUEL_SCHEDULE.importCall);
    body.outward = Math.max(body.outward, outwardSlots(type));
    body.spill();
    body.reload();
  } else {
    writeLocal(body.before(), OP.localGet, body.word);
    takeWord(body);
  }
  moveOperands(body, type);
}

export function callIndirect(body: BodyState): void {
  const type = body.context.types.type(body.cursor.u32());
  body.cursor.u32();
  beginCall(body);
  wordBelow(body, body.indexLocal());
  takeWord(body);
  body.move(-1);
  moveOperands(body, type);
}

export function callRef(body: BodyState): void {
  const index = body.cursor.u32();
  beginCall(body);
  wordBelow(body, body.referenceLocal(index));
  takeWord(body);
  body.move(-1);
  moveOperands(body, body.context.types.type(index));
}

/**
 * An import is called through its thunk, which has the metered type. An ordinary call and a return would not do: inside of
 * a try, its handlers would see exceptions that a tail call keeps from them.
 */
export function returnCall(body: BodyState): void {
  const index = body.cursor.u32();
  const callee = body.context.added.referable(index);
  beginCall(body);
  leave(body);
  body.before();
  body.insert(INSERT.returnedWord);
  if (callee !== index) {
    const code = body.instead();
    code.byte(OP.returnCall);
    code.u32(callee);
  }
  body.die();
}

export function returnCallIndirect(body: BodyState): void {
  body.cursor.u32();
  body.cursor.u32();
  beginCall(body);
  leave(body);
  returnedWordBelow(body, body.indexLocal());
  body.die();
}

export function returnCallRef(body: BodyState): void {
  const index = body.cursor.u32();
  beginCall(body);
  leave(body);
  returnedWordBelow(body, body.referenceLocal(index));
  body.die();
}

function beginCall(body: BodyState): void {
  body.charge(FUEL_SCHEDULE.instruction);
  body.hasCalls = true;
  if (body.segment >= 0) body.segments.calls[body.segment] = 1;
}

/** Control leaves the function from here. */
function leave(body: BodyState): void {
  body.needsDepthThroughout = true;
  body.endSegment(EXIT);
}

function functionType(body: BodyState, index: number): FunctionType {
  const { types, shape } = body.context;
  return types.type(shape.functions[index] ?? -1);
}

function moveOperands(body: BodyState, type: FunctionType): void {
  body.move(-type.params.count);
  if (!body.dead) body.needOperands(body.height + resultSlots(type.results.count));
  body.move(type.results.count);
}

/** Puts the word below the operand on top, which waits in a local of its own. */
function wordBelow(body: BodyState, waiting: number): void {
  const code = body.before();
  writeLocal(code, OP.localSet, waiting);
  writeLocal(code, OP.localGet, body.word);
  writeLocal(code, OP.localGet, waiting);
}

function returnedWordBelow(body: BodyState, waiting: number): void {
  const code = body.before();
  writeLocal(code, OP.localSet, waiting);
  body.insert(INSERT.returnedWord);
  writeLocal(code, OP.localGet, waiting);
}

function takeWord(body: BodyState): void {
  writeLocal(body.behind(), OP.localSet, body.word);
}
