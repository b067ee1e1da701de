/**
 * Decides where a body takes the call depth of its frame, and gives it back. Wherever it calls something the depth must be
 * taken, and the taking looks at what is left of fuel and depth: no recursion gets around it. Ways that call nothing
 * need not take it: many functions have a short way out at their beginning, or call something only to give up.
 *
 * At each joint the depth is taken or it is not, on whatever way control came there. Best is what makes the fewest changes,
 * weighted by how often they are taken to run. Two beginnings are improved joint by joint, everything taken and nothing
 * taken; the better one counts.
 */
import type { JointIndex } from "./joint-index.ts";
import { ENTRY, EXIT, NOWHERE, type Segments } from "./segments.ts";

/** What a taking costs, and a giving back. */
const TAKE = 3;
const GIVE_BACK = 1;
const MAX_SWEEPS = 4;

export class GuardPlacement {
  /** 1 where the depth is taken, by joint. */
  taken = new Uint8Array(1024);
  #other = new Uint8Array(1024);

  /** Depth taken on entry and given back at the exit. */
  placeAtEntry(segments: Segments): void {
    this.#open(segments);
    this.#fill(segments, 1);
  }

  /** Depth taken where it pays. */
  placeWhereNeeded(segments: Segments, index: JointIndex): void {
    this.#open(segments);
    this.#fill(segments, 0);
    const nothingTaken = this.#improve(segments, index);
    const other = this.taken;
    this.taken = this.#other;
    this.#fill(segments, 1);
    if (this.#improve(segments, index) <= nothingTaken) this.#other = other;
    else {
      this.#other = this.taken;
      this.taken = other;
    }
  }

  /** Whether the segment takes the depth where it begins. */
  takes({ from, to, calls }: Segments, segment: number): boolean {
    if (this.taken[from[segment] ?? 0] === 1) return false;
    const end = to[segment] ?? NOWHERE;
    return calls[segment] === 1 || (end !== NOWHERE && this.taken[end] === 1);
  }

  /** Whether the segment gives it back: where it begins, or if it calls something, where it ends. */
  givesBack({ from, to, calls }: Segments, segment: number): boolean {
    const end = to[segment] ?? NOWHERE;
    if (end === NOWHERE || this.taken[end] === 1) return false;
    return calls[segment] === 1 || this.taken[from[segment] ?? 0] === 1;
  }

  #open({ joints }: Segments): void {
    if (joints <= this.taken.length) return;
    this.taken = new Uint8Array(joints * 2);
    this.#other = new Uint8Array(joints * 2);
  }

  #fill({ joints }: Segments, taken: 0 | 1): void {
    this.taken.fill(taken, 0, joints);
    this.taken[ENTRY] = 0;
  }

  /** Changes joints as long as that makes it better; returns the price of what comes out. */
  #improve(segments: Segments, index: JointIndex): number {
    const { taken } = this;
    for (let sweep = 0; sweep < MAX_SWEEPS; sweep += 1) {
      let changed = false;
      for (let joint = EXIT; joint < segments.joints; joint += 1) {
        const now = this.#priceAround(segments, index, joint);
        if (now === 0) continue;
        taken[joint] = 1 - (taken[joint] ?? 0);
        if (this.#priceAround(segments, index, joint) < now) changed = true;
        else taken[joint] = 1 - (taken[joint] ?? 0);
      }
      if (!changed) break;
    }
    let price = (taken[EXIT] ?? 0) * GIVE_BACK;
    for (let segment = 0; segment < segments.count; segment += 1) price += this.#price(segments, segment);
    return price;
  }

  #priceAround(segments: Segments, index: JointIndex, joint: number): number {
    const { from } = segments;
    let price = joint === EXIT ? (this.taken[EXIT] ?? 0) * GIVE_BACK : 0;
    const behindEnd = index.behindAt[joint + 1] ?? 0;
    for (let at = index.behindAt[joint] ?? 0; at < behindEnd; at += 1) {
      price += this.#price(segments, index.behind[at] ?? 0);
    }
    const beforeEnd = index.beforeAt[joint + 1] ?? 0;
    for (let at = index.beforeAt[joint] ?? 0; at < beforeEnd; at += 1) {
      const segment = index.before[at] ?? 0;
      if (from[segment] !== joint) price += this.#price(segments, segment);
    }
    return price;
  }

  #price(segments: Segments, segment: number): number {
    const price = (this.takes(segments, segment) ? TAKE : 0) + (this.givesBack(segments, segment) ? GIVE_BACK : 0);
    return price === 0 ? 0 : price * (segments.weight[segment] ?? 0);
  }
}
