/** The second pass: the scanned body with the charges in place, the checks, the way out. */
import type { BodyState } from "./body-state.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { frameUnits } from "./frame-model.ts";
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
import { INSERT } from "./insertions.ts";
import { EMPTY_BLOCK, OP } from "./instruction.ts";
import type { ChargePlacement } from "./place-charges.ts";

/** A function without calls is entered without a look at the fuel if all of it, each loop gone round once, costs no more. */
const UNCHECKED_COST = 1_000;
/** A function without calls is entered without counting depth if its frame takes no more units. */
const UNCOUNTED_UNITS = 4;

/** What the whole body tells about its frame. */
interface Plan {
  /** Units of call depth that the function takes on entry and gives back; 0 where it need not count. */
  readonly depth: number;
  readonly entryChecked: boolean;
  /** Something branches to the block that stops the run. */
  readonly hasStop: boolean;
  /** Something branches to the function label. */
  readonly hasBody: boolean;
}

export function assembleBody(body: BodyState, placement: ChargePlacement, out: ByteWriter): void {
  const { indices, types } = body.context;
  const plan = planBody(body);
  placeCharges(body, placement);
  out.clear();
  out.u32(body.localGroupCount + body.addedLocals.length);
  out.copy(body.localGroups);
  for (const group of body.addedLocals) out.copy(group);
  if (plan.hasStop) out.raw(OP.block, EMPTY_BLOCK);
  if (plan.hasBody) {
    out.byte(OP.block);
    out.copy(types.resultBlock(body.type));
  }
  writeEntry(body, plan, out);
  writeInstructions(body, plan, out);
  if (plan.hasBody) {
    out.byte(OP.end);
    if (body.caught.has(FUNCTION_ORDINAL)) writeCatchReload(out, body.word, body.depthLocal, indices);
  }
  writeReturnedWord(out, body.word, plan.depth);
  if (plan.hasStop) {
    out.raw(OP.return, OP.end);
    writeSpill(out, body.word, indices);
    out.byte(OP.unreachable);
  }
  out.byte(OP.end);
}

const FUNCTION_ORDINAL = 0;

function planBody(body: BodyState): Plan {
  const { insertions, segments } = body;
  let cost = 0;
  for (let segment = 0; segment < segments.count; segment += 1) cost += segments.cost[segment] ?? 0;
  let checks = 0;
  for (let index = 0; index < insertions.count; index += 1) {
    const kind = insertions.kind[index];
    if (kind === INSERT.check || kind === INSERT.checkedCharge) checks += 1;
  }
  const units = frameUnits({
    slots: body.word + 1 + body.locals + body.addedLocals.length + body.maxHeight,
    vectors: body.hasVectors,
    leavesModule: body.leavesModule,
  });
  const depth = body.hasCalls || units > UNCOUNTED_UNITS ? units : 0;
  // What is taken from the word anyway may as well hold a charge.
  if (depth > 0) segments.weight[0] = 0;
  const entryChecked = depth > 0 || cost > UNCHECKED_COST;
  return { depth, entryChecked, hasStop: entryChecked || checks > 0, hasBody: body.usesFunctionLabel };
}

function placeCharges({ segments, insertions }: BodyState, placement: ChargePlacement): void {
  placement.place(segments);
  for (let segment = 0; segment < segments.count; segment += 1) {
    insertions.cost[segments.insertion[segment] ?? 0] = segments.cost[segment] ?? 0;
  }
}

/** The label of the stopping block where `nesting` constructs are open, the function itself among them. */
function stopAt(body: BodyState, plan: Plan, nesting: number): Stop {
  return { label: nesting - 1 + (plan.hasBody ? 1 : 0), hints: body.context.hints };
}

function writeEntry(body: BodyState, plan: Plan, out: ByteWriter): void {
  const { word, depthLocal } = body;
  const cost = body.insertions.cost[0] ?? 0;
  const stop = stopAt(body, plan, 1);
  if (plan.depth > 0) {
    writeEntryTest(out, word, cost, plan.depth);
    writeStop(out, stop);
  } else if (plan.entryChecked) writeCheckedCharge(out, word, cost, stop);
  else writeCharge(out, word, cost);
  if (depthLocal >= 0) writeKeepDepth(out, word, depthLocal);
}

function writeInstructions(body: BodyState, plan: Plan, out: ByteWriter): void {
  const { word } = body;
  const { count, position, kind, cost, nesting } = body.insertions;
  const code = body.scratch.view();
  let from = 0;
  for (let index = 1; index < count; index += 1) {
    const to = position[index] ?? 0;
    out.copy(code, from, to);
    from = to;
    const stop = stopAt(body, plan, nesting[index] ?? 0);
    switch (kind[index] ?? -1) {
      case INSERT.charge:
        writeCharge(out, word, cost[index] ?? 0);
        break;
      case INSERT.checkedCharge:
        writeCheckedCharge(out, word, cost[index] ?? 0, stop);
        break;
      case INSERT.check:
        writeFuelCheck(out, stop);
        break;
      case INSERT.returnedWord:
        writeReturnedWord(out, word, plan.depth);
        break;
      default:
        body.broken("an insertion of no kind");
    }
  }
  out.copy(code, from, code.length);
}
