/** Between the two passes: what the whole body tells about its frame, and where it counts. */
import type { BodyState } from "./body-state.ts";
import { frameUnits, stackArguments } from "./frame-model.ts";
import { DEPTH, INSERT } from "./insertions.ts";
import { capped } from "./module-shape.ts";
import type { Placement } from "./placement.ts";
import { EXIT } from "./segments.ts";

/** Code that calls nothing need not look at the fuel if all of it in a function, each loop gone round once, costs no more. */
const UNCHECKED_COST = 1_000;
/** A function without calls need not count depth if its frame takes no more units. */
const UNCOUNTED_UNITS = 4;
/** Nor need the ways through other functions that call nothing, if the frame takes no more than these. */
const UNCOUNTED_UNITS_WITH_CALLS = 16;

export interface BodyPlan {
  /** Units of call depth that the frame takes where it counts; 0 where it need not. */
  readonly depth: number;
  /** Those that are still taken at the end. */
  readonly returned: number;
  /** The fuel is looked at on entry. */
  readonly entryChecked: boolean;
  /** Something branches to the block that stops the run. */
  readonly hasStop: boolean;
  /** Something branches to the function label. */
  readonly hasBody: boolean;
}

/** Plans the scanned body, and sets what its insertions charge. */
export function planBody(body: BodyState, placement: Placement): BodyPlan {
  const { segments, insertions } = body;
  const { index, guards, charges } = placement;
  const locals = body.word + stackArguments(body.word) + 1 + body.locals + body.addedLocals.length;
  const units = frameUnits({
    slots: locals + body.maxHeight + body.maxCatches,
    vectors: body.hasVectors,
    outward: body.outward,
  });
  capped("units of call depth for one call of a function", units, body.context.limits.maxFrameUnits);
  const depth = body.hasCalls || units > UNCOUNTED_UNITS ? units : 0;
  segments.settle();
  index.build(segments);
  const entryChecked = depth === 0 && segments.totalCost() > UNCHECKED_COST;
  if (depth > 0) placeGuards(body, placement, units);
  charges.place(segments, index);
  for (let segment = 0; segment < segments.count; segment += 1) {
    insertions.cost[segments.insertion[segment] ?? 0] = segments.cost[segment] ?? 0;
  }
  return {
    depth,
    returned: depth > 0 && guards.taken[EXIT] === 1 ? depth : 0,
    entryChecked,
    hasStop: depth > 0 || entryChecked || looksAtFuel(body),
    hasBody: body.usesFunctionLabel,
  };
}

function placeGuards(body: BodyState, { guards, index }: Placement, units: number): void {
  const { segments, insertions } = body;
  if (!body.hasCalls || body.needsDepthThroughout || body.depthLocal >= 0 || units > UNCOUNTED_UNITS_WITH_CALLS) {
    guards.placeAtEntry(segments);
  } else {
    guards.placeWhereNeeded(segments, index);
    if (uncheckedCost(body, guards) > UNCHECKED_COST) guards.placeAtEntry(segments);
  }
  for (let segment = 0; segment < segments.count; segment += 1) {
    const first = segments.insertion[segment] ?? 0;
    const givesBack = guards.givesBack(segments, segment);
    if (guards.takes(segments, segment)) insertions.depth[first] = DEPTH.taken;
    else if (givesBack && segments.calls[segment] === 0) insertions.depth[first] = DEPTH.givenBack;
    if (givesBack && segments.calls[segment] === 1) {
      insertions.depth[segments.lastInsertion[segment] ?? 0] = DEPTH.givenBack;
    }
    // What is taken from the word anyway may as well hold a charge.
    if (insertions.depth[first] !== DEPTH.stays) segments.weight[segment] = 0;
  }
}

/** Fuel of all code that runs with the depth not taken. */
function uncheckedCost({ segments }: BodyState, guards: Placement["guards"]): number {
  let cost = 0;
  for (let segment = 0; segment < segments.count; segment += 1) {
    const open = guards.taken[segments.from[segment] ?? 0] === 0 && !guards.takes(segments, segment);
    if (open) cost += segments.cost[segment] ?? 0;
  }
  return cost;
}

/** Loops and bulk work. */
function looksAtFuel({ insertions }: BodyState): boolean {
  for (let index = 0; index < insertions.count; index += 1) {
    const kind = insertions.kind[index];
    if (kind === INSERT.check || kind === INSERT.checkedCharge) return true;
  }
  return false;
}
