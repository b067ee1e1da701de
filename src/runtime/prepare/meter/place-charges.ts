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
import { NOWHERE, OUTSIDE, type Segments } from "./segments.ts";

/** Sweeps over the segments before the cheapest ways have to be known; code that needs more is charged segment by segment. */
const MAX_SWEEPS = 16;
/** Sweeps over the joints to improve them. */
const IMPROVEMENTS = 2;
/** The most fuel that may be left uncharged at a joint. */
const MAX_ARREARS = 1_000;

export class ChargePlacement {
  #advance = new Float64Array(1024);
  #floor = new Float64Array(1024);
  /** Segments by the joint where they begin, and by the joint where they end: places in `#behind` and `#before`. */
  #behindAt = new Int32Array(1024);
  #beforeAt = new Int32Array(1024);
  #behind = new Int32Array(1024);
  #before = new Int32Array(1024);

  /** Replaces the costs of the segments by what is charged where they begin. */
  place(segments: Segments): void {
    const { count, from, to, cost } = segments;
    this.#open(segments);
    if (this.#cheapestWays(segments)) {
      this.#index(segments);
      for (let sweep = 0; sweep < IMPROVEMENTS; sweep += 1) this.#improve(segments);
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
    const { joints, count, from, to, calls } = segments;
    if (joints >= this.#advance.length) {
      const capacity = joints * 2;
      this.#advance = new Float64Array(capacity);
      this.#floor = new Float64Array(capacity);
      this.#behindAt = new Int32Array(capacity);
      this.#beforeAt = new Int32Array(capacity);
    }
    if (count > this.#behind.length) {
      this.#behind = new Int32Array(count * 2);
      this.#before = new Int32Array(count * 2);
    }
    this.#advance.fill(Infinity, 0, joints);
    this.#advance[OUTSIDE] = 0;
    this.#floor.fill(-MAX_ARREARS, 0, joints);
    for (let segment = 0; segment < count; segment += 1) {
      from[segment] = segments.find(from[segment] ?? 0);
      const end = to[segment] ?? NOWHERE;
      if (end === NOWHERE) continue;
      const joint = segments.find(end);
      to[segment] = joint;
      if (calls[segment] !== 0) this.#floor[joint] = 0;
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
    // From where nothing leads out, a run ends in a trap or never: as with `unreachable`.
    for (let segment = 0; segment < count; segment += 1) {
      const end = to[segment] ?? NOWHERE;
      if (end !== NOWHERE && advance[end] === Infinity && advance[from[segment] ?? 0] !== Infinity)
        to[segment] = NOWHERE;
    }
    for (let joint = 0; joint < segments.joints; joint += 1) if (advance[joint] === Infinity) advance[joint] = 0;
    return true;
  }

  #index({ joints, count, from, to }: Segments): void {
    const [behindAt, beforeAt] = [this.#behindAt, this.#beforeAt];
    behindAt.fill(0, 0, joints + 1);
    beforeAt.fill(0, 0, joints + 1);
    for (let segment = 0; segment < count; segment += 1) {
      const [start, end] = [from[segment] ?? 0, to[segment] ?? NOWHERE];
      if (end === NOWHERE || end === start) continue;
      behindAt[start] = (behindAt[start] ?? 0) + 1;
      beforeAt[end] = (beforeAt[end] ?? 0) + 1;
    }
    let [behind, before] = [0, 0];
    for (let joint = 0; joint <= joints; joint += 1) {
      behind += behindAt[joint] ?? 0;
      before += beforeAt[joint] ?? 0;
      behindAt[joint] = behind;
      beforeAt[joint] = before;
    }
    for (let segment = count - 1; segment >= 0; segment -= 1) {
      const [start, end] = [from[segment] ?? 0, to[segment] ?? NOWHERE];
      if (end === NOWHERE || end === start) continue;
      this.#behind[(behindAt[start] = (behindAt[start] ?? 0) - 1)] = segment;
      this.#before[(beforeAt[end] = (beforeAt[end] ?? 0) - 1)] = segment;
    }
  }

  #improve({ joints, from, to, cost, weight }: Segments): void {
    const advance = this.#advance;
    for (let joint = joints - 1; joint > OUTSIDE; joint -= 1) {
      let most = Infinity;
      let saved = 0;
      const behindEnd = this.#behindAt[joint + 1] ?? 0;
      for (let at = this.#behindAt[joint] ?? 0; at < behindEnd; at += 1) {
        const segment = this.#behind[at] ?? 0;
        const way = (cost[segment] ?? 0) + (advance[to[segment] ?? 0] ?? 0);
        if (way < most) saved = 0;
        if (way <= most) {
          most = way;
          saved += weight[segment] ?? 0;
        }
      }
      if (most === Infinity) continue;
      let least = this.#floor[joint] ?? 0;
      let savedBefore = 0;
      const beforeEnd = this.#beforeAt[joint + 1] ?? 0;
      for (let at = this.#beforeAt[joint] ?? 0; at < beforeEnd; at += 1) {
        const segment = this.#before[at] ?? 0;
        const way = (advance[from[segment] ?? 0] ?? 0) - (cost[segment] ?? 0);
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
