/**
 * Exceptions, in both encodings. A register does not survive the way from a throw to its handler, so the word goes
 * through the global: written before a throw (and before each call of an import, which may throw), read where a handler
 * begins. The global then has the thrower's depth; the handler's frame has kept its own.
 *
 * A clause of try_table branches to a label, which other ways lead to as well. All of them bring the word through the
 * global: see `BodyState.caught` and the uses of `ControlFrame.caught`.
 */
import { BodyCursor } from "./body-cursor.ts";
import type { BodyState } from "./body-state.ts";
import { FRAME } from "./control-frame.ts";
import { enterArm, leaveArm, noteArrival } from "./control-instructions.ts";
import { FUEL_SCHEDULE } from "./fuel-schedule.ts";
import { INSERT } from "./insertions.ts";
import { CATCH_CLAUSE, OP } from "./instruction.ts";
import { EXCEPTION_BYTES, EXCEPTION_VALUE_BYTES } from "./metered-module.ts";
import { EXIT } from "./segments.ts";

export function throwTag(body: BodyState): void {
  const values = tagParams(body, body.cursor.u32());
  body.charge(FUEL_SCHEDULE.throw);
  body.spill();
  const code = body.scratch;
  code.byte(OP.i32Const);
  code.signed(EXCEPTION_BYTES + values * EXCEPTION_VALUE_BYTES);
  code.byte(OP.call);
  code.u32(body.context.added.takeBytes());
  unwind(body);
}

/** rethrow, throw_ref: the exception is there already. */
export function throwAgain(body: BodyState): void {
  body.charge(FUEL_SCHEDULE.throw);
  body.spill();
  unwind(body);
}

/** Nothing behind this instruction runs, up to wherever the exception is caught. */
function unwind(body: BodyState): void {
  body.needsDepthThroughout = true;
  body.endSegment(EXIT);
  body.die();
}

/** catch of the older try. */
export function catchTag(body: BodyState): void {
  openCatch(body, tagParams(body, body.cursor.u32()));
}

/** catch_all of the older try. */
export function catchAll(body: BodyState): void {
  openCatch(body, 0);
}

function openCatch(body: BodyState, values: number): void {
  const frame = body.top();
  leaveArm(body, frame);
  if (frame.kind !== FRAME.catch) {
    body.catches += 1;
    body.maxCatches = Math.max(body.maxCatches, body.catches);
  }
  frame.kind = FRAME.catch;
  enterArm(body, frame, values);
  body.catchReload();
  body.weight *= EXCEPTION;
  body.beginSegment(EXIT, INSERT.charge);
}

export function openTryTable(body: BodyState): void {
  const { types } = body.context;
  const index = body.cursor.blockType();
  const clausesFrom = body.cursor.at;
  readClauses(body);
  const type = index >= 0 ? types.type(index) : undefined;
  if (type !== undefined) {
    const code = body.instead();
    code.byte(OP.tryTable);
    code.signed(types.original(index));
    code.copy(body.cursor.bytes, clausesFrom, body.cursor.at);
  }
  const results = index === BodyCursor.emptyBlock ? 0 : 1;
  body.pushFrame(FRAME.tryTable, type?.params.count ?? 0, type?.results.count ?? results);
}

function readClauses(body: BodyState): void {
  const { cursor } = body;
  for (let count = cursor.u32(); count > 0; count -= 1) {
    const kind = cursor.byte();
    if (kind > CATCH_CLAUSE.catchAllRef) body.refuseOpcode(`try_table with a clause of kind ${kind}`);
    const tagged = kind === CATCH_CLAUSE.catch || kind === CATCH_CLAUSE.catchRef;
    // What it takes out of the exception lies above the operands that it finds, together with the exception and a reference to it.
    const values = 2 + (tagged ? tagParams(body, cursor.u32()) : 0);
    if (!body.dead) body.needOperands(body.height + values);
    markCaught(body, body.depth - 1 - cursor.u32());
  }
}

/** An exception may arrive at this label. */
function markCaught(body: BodyState, index: number): void {
  const target = body.frame(index);
  body.merge();
  body.caught.add(target.ordinal);
  body.keepDepth();
  if (index === 0) body.usesFunctionLabel = true;
  if (body.dead) return;
  noteArrival(target);
  // Nothing is known about how much has been charged for code that an exception skips.
  target.joint = body.segments.unite(body.jointOf(target), EXIT);
}

/** How often an exception is taken to arrive. */
const EXCEPTION = 0.1;

function tagParams(body: BodyState, tag: number): number {
  const { types, shape } = body.context;
  return types.type(shape.tags[tag] ?? -1).params.count;
}
