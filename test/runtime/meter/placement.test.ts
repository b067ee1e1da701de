import { describe, expect, it } from "vitest";
import { newPlacement } from "../../../src/runtime/prepare/meter/placement.ts";
import { ENTRY, EXIT, NOWHERE, Segments } from "../../../src/runtime/prepare/meter/segments.ts";

/** Flows that no compiler makes are good enough here: segments between random joints, and walks along them. */
const FLOWS = 400;
const WALKS = 40;
const MAX_STEPS = 60;

/** Numbers from 0 up to `bound`, the same for the same seed. */
function numbers(seed: number): (bound: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

function randomFlow(next: (bound: number) => number): Segments {
  const segments = new Segments();
  segments.clear();
  const joints = [EXIT, ...Array.from({ length: 1 + next(6) }, () => segments.joint())];
  const someJoint = (): number => joints[next(joints.length)] ?? EXIT;
  const add = (from: number, to: number): void => {
    const segment = segments.begin(from, 0, 0.1 + next(80) / 10);
    segments.to[segment] = to;
    segments.cost[segment] = next(4) === 0 ? 0 : next(50);
    segments.calls[segment] = next(3) === 0 ? 1 : 0;
  };
  add(ENTRY, someJoint());
  for (const joint of joints) {
    // What leads to the exit from anywhere may go on behind it: the exit is also where caught exceptions arrive.
    const ways = joint === EXIT ? next(2) : 1 + next(3);
    for (let way = 0; way < ways; way += 1) add(joint, next(8) === 0 ? NOWHERE : someJoint());
  }
  segments.settle();
  return segments;
}

interface Walk {
  /** Segments in order. */
  readonly path: readonly number[];
  /** Whether it came to the exit. */
  readonly ended: boolean;
}

/** One run from the entry. */
function walk(segments: Segments, next: (bound: number) => number): Walk {
  const path = [0];
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const at = segments.to[path.at(-1) ?? 0] ?? NOWHERE;
    if (at === EXIT) return { path, ended: true };
    if (at === NOWHERE) break;
    const ways = Array.from({ length: segments.count }, (_, segment) => segment).filter(
      (segment) => segments.from[segment] === at,
    );
    path.push(ways[next(ways.length)] ?? 0);
  }
  return { path, ended: false };
}

/** What is wrong with the charges along one way, or nothing. */
function chargesWrong(flow: Flow, charges: readonly number[], { path, ended }: Walk): string | undefined {
  let due = 0;
  for (const segment of path) {
    due += (flow.costs[segment] ?? 0) - (charges[segment] ?? 0);
    const settles = flow.segments.calls[segment] === 1 || flow.ends[segment] === NOWHERE;
    if (due > (settles ? 0 : 1_000)) return `${due} due behind segment ${segment} of ${path.join()}`;
  }
  return ended && due !== 0 ? `${due} due at the end of ${path.join()}` : undefined;
}

/** What is wrong with the frame's depth along one way, or nothing. */
function depthWrong({ segments }: Flow, guards: Guards, { path, ended }: Walk): string | undefined {
  let depth = 0;
  for (const segment of path) {
    if (guards.takes(segments, segment)) depth += 1;
    if (segments.calls[segment] === 1 && depth !== 1) return `a call at depth ${depth} in ${segment} of ${path.join()}`;
    if (guards.givesBack(segments, segment)) depth -= 1;
    if (depth < 0 || depth > 1) return `depth ${depth} behind segment ${segment} of ${path.join()}`;
  }
  return ended && depth !== guards.taken[EXIT] ? `depth ${depth} at the end of ${path.join()}` : undefined;
}

type Guards = ReturnType<typeof newPlacement>["guards"];

/** A flow as it was made; placing charges writes over the segments. */
interface Flow {
  readonly segments: Segments;
  readonly costs: readonly number[];
  readonly ends: readonly number[];
  readonly walks: readonly Walk[];
}

function flowOf(seed: number): Flow {
  const next = numbers(seed);
  const segments = randomFlow(next);
  return {
    segments,
    costs: Array.from(segments.cost.subarray(0, segments.count)),
    ends: Array.from(segments.to.subarray(0, segments.count)),
    walks: Array.from({ length: WALKS }, () => walk(segments, next)),
  };
}

const SEEDS = Array.from({ length: FLOWS }, (_, index) => index + 1);

describe("the charges of a flow", () => {
  it("add up to what was executed on every way that ends, are never negative, and leave nothing due at a call", () => {
    const { charges, index } = newPlacement();
    let spared = 0;
    const wrong = SEEDS.flatMap((seed) => {
      const flow = flowOf(seed);
      const { segments, costs, walks } = flow;
      index.build(segments);
      charges.place(segments, index);
      const placed = Array.from(segments.cost.subarray(0, segments.count));
      spared += placed.filter((charge, segment) => charge === 0 && (costs[segment] ?? 0) > 0).length;
      const negative = placed.filter((charge) => charge < 0).map((charge) => `a charge of ${charge}`);
      const found = [...negative, ...walks.flatMap((way) => chargesWrong(flow, placed, way) ?? [])];
      return found.map((what) => `seed ${seed}: ${what}`);
    });
    expect(wrong).toEqual([]);
    expect(spared).toBeGreaterThan(FLOWS);
  });
});

describe("the depth of a frame", () => {
  it("is taken once wherever something is called, and given back at the end of every way", () => {
    const { guards, index } = newPlacement();
    let later = 0;
    const wrong = SEEDS.flatMap((seed) => {
      const flow = flowOf(seed);
      index.build(flow.segments);
      guards.placeWhereNeeded(flow.segments, index);
      if (!guards.takes(flow.segments, 0)) later += 1;
      return flow.walks.flatMap((way) => depthWrong(flow, guards, way) ?? []).map((what) => `seed ${seed}: ${what}`);
    });
    expect(wrong).toEqual([]);
    expect(later).toBeGreaterThan(FLOWS / 4);
  });
});
