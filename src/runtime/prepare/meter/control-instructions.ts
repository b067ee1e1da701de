/**
 * Blocks and branches. What decides about regions: `ControlFrame.escape` (does a branch leave the construct for one
 * further out?) and `ControlFrame.merged` (do several ways lead to its end?).
 */
import { BodyCursor } from "./body-cursor.ts";
import type { BodyState } from "./body-state.ts";
import { type ControlFrame, FRAME, type FrameKind } from "./control-frame.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import { INSERT } from "./insertions.ts";
import { OP } from "./instruction.ts";
import { capped } from "./module-shape.ts";

/** block and try, and the common part of the others: reads the block type and opens the construct. */
export function openBlock(body: BodyState, kind: FrameKind): ControlFrame {
  const index = body.cursor.blockType();
  if (index >= 0) {
    const { types } = body.context;
    const type = types.type(index);
    const code = body.instead();
    code.copy(body.cursor.bytes, body.start, body.start + 1);
    code.signed(types.original(index));
    return body.pushFrame(kind, type.params.count, type.results.count);
  }
  return body.pushFrame(kind, 0, index === BodyCursor.emptyBlock ? 0 : 1);
}

export function openLoop(body: BodyState): void {
  const caught = body.nextIsCaught();
  if (caught) body.spill();
  const frame = openBlock(body, FRAME.loop);
  if (caught) body.catchReload();
  frame.insertion = body.insertBehind(INSERT.checkedCharge);
  if (!body.dead) body.region = frame.insertion;
}

export function openIf(body: BodyState): void {
  if (body.nextIsCaught()) body.spill();
  body.charge(FUEL_SCHEDULE.instruction);
  body.move(-1);
  openBlock(body, FRAME.if);
  body.openRegion();
}

export function openElse(body: BodyState): void {
  const frame = body.top();
  leaveArm(body, frame);
  frame.kind = FRAME.else;
  enterArm(body, frame, frame.params);
  body.openRegion();
}

/** The end of one arm of an if or try. */
export function leaveArm(body: BodyState, frame: ControlFrame): void {
  if (body.dead) return;
  body.checkHeight(frame);
  frame.merged = true;
  if (frame.caught) body.spill();
}

/** The beginning of the next. */
export function enterArm(body: BodyState, frame: ControlFrame, operands: number): void {
  body.dead = frame.region < 0;
  body.height = frame.base;
  body.move(operands);
}

export function closeBlock(body: BodyState): void {
  const frame = body.top();
  if (!body.dead) {
    body.checkHeight(frame);
    if (frame.caught) body.spill();
  }
  body.depth -= 1;
  if (frame.kind === FRAME.function) {
    body.before();
    return;
  }
  const index = body.depth;
  const parent = body.top();
  if (frame.escape < parent.escape) parent.escape = frame.escape;
  // Without an else, the condition alone leads here.
  if (frame.kind === FRAME.if && frame.region >= 0) frame.merged = true;
  if (frame.kind === FRAME.loop && !frame.looped) body.insertions.kind[frame.insertion] = INSERT.charge;
  if (frame.caught && frame.kind !== FRAME.loop) body.catchReload();
  body.height = frame.base;
  if (body.dead && !frame.merged) {
    body.height += frame.results;
    body.region = -1;
    return;
  }
  body.dead = false;
  body.move(frame.results);
  if (frame.escape >= index) body.region = frame.region;
  else if (frame.merged) body.openRegion();
}

export function br(body: BodyState): void {
  body.charge(FUEL_SCHEDULE.instruction);
  branch(body, body.depth - 1 - body.cursor.u32());
  body.die();
}

/** br_if, br_on_null, br_on_non_null. */
export function brConditional(body: BodyState, poppedBefore: number, poppedBehind: number): void {
  body.charge(FUEL_SCHEDULE.instruction);
  body.move(-poppedBefore);
  branch(body, body.depth - 1 - body.cursor.u32());
  body.move(-poppedBehind);
  body.openRegion();
}

export function brTable(body: BodyState): void {
  body.charge(FUEL_SCHEDULE.instruction);
  const count = body.cursor.u32();
  capped("targets of a br_table", count, body.context.limits.maxBranchTargets);
  let caught = false;
  for (let arm = 0; arm <= count; arm += 1) {
    if (noteBranch(body, body.depth - 1 - body.cursor.u32())) caught = true;
  }
  if (caught) body.spill();
  body.die();
}

/** A branch to the end of the function: of the operands only the results matter there, as with return. */
export function returnFromFunction(body: BodyState): void {
  body.charge(FUEL_SCHEDULE.structural);
  branch(body, 0);
  const code = body.instead();
  code.byte(OP.br);
  code.u32(body.depth - 1);
  body.die();
}

/** A branch to the construct at `index`, taken or not. */
function branch(body: BodyState, index: number): void {
  if (noteBranch(body, index)) body.spill();
}

/** What the target and the constructs between have to know of a branch; true where the word must be in the global on the way. */
function noteBranch(body: BodyState, index: number): boolean {
  const target = body.frame(index);
  body.merges += 1;
  if (index === 0) body.usesFunctionLabel = true;
  if (body.dead) return false;
  noteArrival(target);
  const top = body.top();
  if (index < top.escape) top.escape = index;
  return target.caught;
}

/** Something leads to the label of this construct. */
export function noteArrival(target: ControlFrame): void {
  if (target.kind === FRAME.loop) target.looped = true;
  else target.merged = true;
}
