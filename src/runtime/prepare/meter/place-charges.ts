/**
 * Decides where the fuel of a body's segments is charged.
 *
 * Each joint has an *advance*: how much fuel of code behind the joint has been charged by the time control is there;
 * negative, how much of the code before it has not. A segment is charged the difference that remains: its own cost, plus
 * the advance at its end, minus the advance at its beginning. Whatever the advances are, a run through the function
 * is charged the sum of the costs on its way, as there is none where the function is entered and left.
 *
 * Two rules make them sound. No charge is negative: what has been charged at any time is then at most what the run costs in the
 * end, so that no run is stopped that its budget suffices for. And where something is called, nothing is left uncharged:
 * the call may run for long or end in an exception.
 *
 * Within these rules any advances do; the fewer charges are left, the better. First each joint takes the cost of the
 * cheapest way out of the function, the most that no way refuses. Then each joint by itself may take the least that it
 * can instead, if the segments that lead there and cost nothing then are more often run than those behind it.
 */
import type { JointIndex } from "./joint-index.ts";
import { ENTRY, NOWHERE, EXIT, type Segments } from "./segments.ts";

/** Sweeps over the segments before the cheapest ways have to be known; code that needs more is charged segment by segment. */
const MAX_SWEEPS = 16;
/** Sweeps over the joints to improve them. */
const IMPROVEMENTS = 2;
/** The most fuel that may be left uncharged at a joint. */
const MAX_ARREARS = 1_000;

export class ChargePlacement {
  #advance = new Float64Array(1024);
  #floor = new Float64Array(1024);
  /** 1 where the advance is 0 and stays so. */
  #fixed = new Uint8Array(1024);

  /** Replaces the costs of the segments by what is charged where they begin. The function's callers charge nothing for it. */
  place(segments: Segments, index: JointIndex): void {
    const { count, from, to, cost } = segments;
    this.#open(segments);
    if (this.#cheapestWays(segments)) {
      this.#advance[ENTRY] = 0;
      for (let sweep = 0; sweep < IMPROVEMENTS; sweep += 1) this.#improve(segments, index);
    } else this.#advance.fill(0, 0, segments.joints);
    const advance = this.#advance;
    for (let segment = 0; segment < count; segment += 1) {
      const end = to[segment] ?? NOWHERE;
      const due = (cost[segment] ?? 0) - (advance[from[segment] ?? 0] ?? 0);
      // What has been charged too much on the way to an `unreachable` is lost with the run.
      cost[segment] = end === NOWHERE ? Math.max(0, due) : due + (advance[end] ?? 0);
    }
  }

  #open(segments: Segments): void {
    const { joints, count, to, calls } = segments;
    if (joints > this.#advance.length) {
      this.#advance = new Float64Array(joints * 2);
      this.#floor = new Float64Array(joints * 2);
      this.#fixed = new Uint8Array(joints * 2);
    }
    this.#advance.fill(Infinity, 0, joints);
    this.#advance[EXIT] = 0;
    this.#floor.fill(-MAX_ARREARS, 0, joints);
    this.#fixed.fill(0, 0, joints);
    for (let segment = 0; segment < count; segment += 1) {
      const end = to[segment] ?? NOWHERE;
      if (end !== NOWHERE && calls[segment] === 1) this.#floor[end] = 0;
    }
  }

  /** The cost of the cheapest way from each joint out of the function. False if it took too long to find. */
  #cheapestWays(segments: Segments): boolean {
    const { count, from, to, cost } = segments;
    const advance = this.#advance;
    let changed = true;
    for (let sweep = 0; changed; sweep += 1) {
      if (sweep === MAX_SWEEPS) return false;
      changed = false;
      for (let segment = count - 1; segment >= 0; segment -= 1) {
        const end = to[segment] ?? NOWHERE;
        if (end === NOWHERE) continue;
        const way = (advance[end] ?? 0) + (cost[segment] ?? 0);
        const start = from[segment] ?? 0;
        if (way < (advance[start] ?? 0)) {
          advance[start] = way;
          changed = true;
        }
      }
    }
    // From where nothing leads out, a run ends in a trap or never: what leads there is as good as an `unreachable`.
    for (let segment = 0; segment < count; segment += 1) {
      const end = to[segment] ?? NOWHERE;
      if (end !== NOWHERE && advance[end] === Infinity && advance[from[segment] ?? 0] !== Infinity)
        to[segment] = NOWHERE;
    }
    for (let joint = 0; joint < segments.joints; joint += 1) {
      if (advance[joint] !== Infinity) continue;
      advance[joint] = 0;
      this.#fixed[joint] = 1;
    }
    return true;
  }

  #improve({ joints, from, to, cost, weight }: Segments, index: JointIndex): void {
    const { behindAt, behind, beforeAt, before } = index;
    const advance = this.#advance;
    for (let joint = joints - 1; joint > EXIT; joint -= 1) {
      if (this.#fixed[joint] === 1) continue;
      let most = Infinity;
      let saved = 0;
      const behindEnd = behindAt[joint + 1] ?? 0;
      for (let at = behindAt[joint] ?? 0; at < behindEnd; at += 1) {
        const segment = behind[at] ?? 0;
        const end = to[segment] ?? NOWHERE;
        if (end === NOWHERE || end === joint) continue;
        const way = (cost[segment] ?? 0) + (advance[end] ?? 0);
        if (way < most) saved = 0;
        if (way <= most) {
          most = way;
          saved += weight[segment] ?? 0;
        }
      }
      if (most === Infinity) continue;
      let least = this.#floor[joint] ?? 0;
      let savedBefore = 0;
      const beforeEnd = beforeAt[joint + 1] ?? 0;
      for (let at = beforeAt[joint] ?? 0; at < beforeEnd; at += 1) {
        const segment = before[at] ?? 0;
        const start = from[segment] ?? 0;
        if (start === joint || to[segment] !== joint) continue;
        const way = (advance[start] ?? 0) - (cost[segment] ?? 0);
        if (way > least) savedBefore = 0;
        if (way >= least) {
          least = way;
          savedBefore += weight[segment] ?? 0;
        }
      }
      advance[joint] = savedBefore > saved ? least : most;
    }
  }
}
