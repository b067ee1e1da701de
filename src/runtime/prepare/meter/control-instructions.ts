/** Blocks and branches, and with them the segments of the body and where they lead. */
import { BodyCursor } from "./body-cursor.ts";
import type { BodyState } from "./body-state.ts";
import { type ControlFrame, FRAME, type FrameKind } from "./control-frame.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import { INSERT } from "./insertions.ts";
import { OP } from "./instruction.ts";
import { capped } from "./module-shape.ts";
import { NOWHERE, EXIT } from "./segments.ts";

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
  const joint = body.segments.joint();
  body.endSegment(joint);
  const frame = openBlock(body, FRAME.loop);
  frame.joint = joint;
  if (caught) body.catchReload();
  body.weight *= ROUNDS;
  frame.insertion = body.beginSegment(joint, INSERT.checkedCharge);
}

export function openIf(body: BodyState): void {
  if (body.nextIsCaught()) body.spill();
  body.charge(FUEL_SCHEDULE.instruction);
  body.move(-1);
  const fork = body.segments.joint();
  body.endSegment(fork);
  openBlock(body, FRAME.if).fork = fork;
  body.weight *= BRANCH_NOT_TAKEN;
  body.beginSegment(fork, INSERT.charge);
}

export function openElse(body: BodyState): void {
  const frame = body.top();
  leaveArm(body, frame);
  frame.kind = FRAME.else;
  enterArm(body, frame, frame.params);
  body.weight *= BRANCH_NOT_TAKEN;
  body.beginSegment(frame.fork, INSERT.charge);
}

/** The end of one arm of an if or try. */
export function leaveArm(body: BodyState, frame: ControlFrame): void {
  if (body.dead) return;
  body.checkHeight(frame);
  frame.merged = true;
  body.endSegment(body.jointOf(frame));
  if (frame.caught) body.spill();
}

/** The beginning of the next. */
export function enterArm(body: BodyState, frame: ControlFrame, operands: number): void {
  body.dead = !frame.live;
  body.height = frame.base;
  body.weight = frame.weight;
  body.move(operands);
}

export function closeBlock(body: BodyState): void {
  const frame = body.top();
  if (!body.dead) {
    body.checkHeight(frame);
    if (frame.caught) body.spill();
  }
  body.depth -= 1;
  if (frame.kind === FRAME.catch) body.catches -= 1;
  if (frame.kind === FRAME.function) {
    body.endSegment(EXIT);
    body.before();
    return;
  }
  // Without an else, the condition alone leads here.
  if (frame.kind === FRAME.if && frame.live) {
    frame.merged = true;
    frame.joint = body.segments.unite(body.jointOf(frame), frame.fork);
  }
  if (frame.kind === FRAME.loop && !frame.looped) body.insertions.kind[frame.insertion] = INSERT.charge;
  if (frame.merged) body.endSegment(frame.joint);
  if (frame.caught && frame.kind !== FRAME.loop) body.catchReload();
  body.height = frame.base;
  body.weight = frame.weight;
  if (body.dead && !frame.merged) {
    body.height += frame.results;
    return;
  }
  body.dead = false;
  body.move(frame.results);
  if (frame.merged) body.beginSegment(frame.joint, INSERT.charge);
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
  const joint = branch(body, body.depth - 1 - body.cursor.u32());
  body.move(-poppedBehind);
  body.weight *= BRANCH_NOT_TAKEN;
  body.beginSegment(joint, INSERT.charge);
}

export function brTable(body: BodyState): void {
  body.charge(FUEL_SCHEDULE.instruction);
  const count = body.cursor.u32();
  capped("targets of a br_table", count, body.context.limits.maxBranchTargets);
  let caught = false;
  let joint = NOWHERE;
  for (let arm = 0; arm <= count; arm += 1) {
    const target = body.frame(body.depth - 1 - body.cursor.u32());
    if (noteBranch(body, target)) caught = true;
    if (!body.dead) joint = joint === NOWHERE ? body.jointOf(target) : body.segments.unite(joint, body.jointOf(target));
  }
  if (caught) body.spill();
  body.endSegment(joint);
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

/** A branch to the construct at `index`, taken or not. Returns the joint of its label. */
function branch(body: BodyState, index: number): number {
  const target = body.frame(index);
  if (noteBranch(body, target)) body.spill();
  if (body.dead) return NOWHERE;
  const joint = body.jointOf(target);
  body.endSegment(joint);
  return joint;
}

/** What the target has to know of a branch; true where the word must be in the global on the way. */
function noteBranch(body: BodyState, target: ControlFrame): boolean {
  body.merge();
  if (target.kind === FRAME.function) body.usesFunctionLabel = true;
  if (body.dead) return false;
  noteArrival(target);
  return target.caught;
}

/** Something leads to the label of this construct. */
export function noteArrival(target: ControlFrame): void {
  if (target.kind === FRAME.loop) target.looped = true;
  else target.merged = true;
}

/** Guesses about how often code runs, which decide nothing but where fuel is charged. */
const ROUNDS = 8;
const BRANCH_NOT_TAKEN = 0.6;
