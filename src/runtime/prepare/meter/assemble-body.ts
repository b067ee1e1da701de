/** The second pass: the scanned body with the charges in place, the checks, the way out. */
import type { BodyState } from "./body-state.ts";
import { writeCanonical } from "./canonical-nan.ts";
import type { ByteWriter } from "./byte-writer.ts";
import {
  type Stop,
  writeCatchReload,
  writeCharge,
  writeCheckedCharge,
  writeEntryTest,
  writeFuelCheck,
  writeKeepDepth,
  writeReturnedWord,
  writeSpill,
  writeStop,
} from "./fuel-code.ts";
import { DEPTH, INSERT } from "./insertions.ts";
import { EMPTY_BLOCK, OP } from "./instruction.ts";
import type { BodyPlan } from "./plan-body.ts";

export function assembleBody(body: BodyState, plan: BodyPlan, out: ByteWriter): void {
  const { indices, types } = body.context;
  out.clear();
  out.u32(body.localGroupCount + body.addedLocals.length);
  out.copy(body.localGroups);
  for (const group of body.addedLocals) out.copy(group);
  if (plan.hasStop) out.raw(OP.block, EMPTY_BLOCK);
  if (plan.hasBody) {
    out.byte(OP.block);
    out.copy(types.resultBlock(body.type));
  }
  writeSegmentStart(body, plan, 0, out);
  if (body.depthLocal >= 0) writeKeepDepth(out, body.word, body.depthLocal);
  writeInstructions(body, plan, out);
  if (plan.hasBody) {
    out.byte(OP.end);
    if (body.caught.has(FUNCTION_ORDINAL)) writeCatchReload(out, body.word, body.depthLocal, indices);
  }
  writeReturnedWord(out, body.word, plan.returned);
  if (plan.hasStop) {
    out.raw(OP.return, OP.end);
    writeSpill(out, body.word, indices);
    out.byte(OP.unreachable);
  }
  out.byte(OP.end);
}

const FUNCTION_ORDINAL = 0;

function writeInstructions(body: BodyState, plan: BodyPlan, out: ByteWriter): void {
  const { word } = body;
  const { count, position, kind, depth, nesting, cost } = body.insertions;
  const code = body.scratch.view();
  let from = 0;
  for (let index = 1; index < count; index += 1) {
    const to = position[index] ?? 0;
    out.copy(code, from, to);
    from = to;
    switch (kind[index] ?? -1) {
      case INSERT.charge:
      case INSERT.checkedCharge:
        writeSegmentStart(body, plan, index, out);
        break;
      case INSERT.check:
        writeFuelCheck(out, stopAt(body, plan, nesting[index] ?? 0));
        break;
      case INSERT.returnedWord:
        writeReturnedWord(out, word, plan.depth);
        break;
      case INSERT.giveBack:
        if (depth[index] === DEPTH.givenBack) writeCharge(out, word, { cost: 0, depth: plan.depth });
        break;
      case INSERT.canonical32:
      case INSERT.canonical64:
        if (cost[index] !== 0) writeCanonical(body, kind[index] ?? -1, out);
        break;
      default:
        body.broken("an insertion of no kind");
    }
  }
  out.copy(code, from, code.length);
}

function writeSegmentStart(body: BodyState, plan: BodyPlan, index: number, out: ByteWriter): void {
  const { word, insertions } = body;
  const cost = insertions.cost[index] ?? 0;
  const change = insertions.depth[index] ?? DEPTH.stays;
  const stop = stopAt(body, plan, insertions.nesting[index] ?? 0);
  if (change === DEPTH.taken) {
    writeEntryTest(out, word, cost, plan.depth);
    writeStop(out, stop);
    return;
  }
  const charge = { cost, depth: change === DEPTH.givenBack ? plan.depth : 0 };
  const checked = insertions.kind[index] === INSERT.checkedCharge || (index === 0 && plan.entryChecked);
  if (checked) writeCheckedCharge(out, word, charge, stop);
  else writeCharge(out, word, charge);
}

/** The block that stops the run, where `nesting` constructs are open, the function itself among them. */
function stopAt(body: BodyState, plan: BodyPlan, nesting: number): Stop {
  return { label: nesting - 1 + (plan.hasBody ? 1 : 0), hints: body.context.hints };
}
