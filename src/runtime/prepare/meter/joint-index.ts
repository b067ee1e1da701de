import { NOWHERE, type Segments } from "./segments.ts";

/** The segments of a body by the joints where they begin and end. Reused for every body. */
export class JointIndex {
  /** Segments that begin at joint j: `behind` from `behindAt[j]` up to `behindAt[j + 1]`. */
  behindAt = new Int32Array(1024);
  behind = new Int32Array(1024);
  /** Segments that end at joint j, in the same way. */
  beforeAt = new Int32Array(1024);
  before = new Int32Array(1024);

  build({ joints, count, from, to }: Segments): void {
    if (joints >= this.behindAt.length) {
      this.behindAt = new Int32Array(joints * 2);
      this.beforeAt = new Int32Array(joints * 2);
    }
    if (count > this.behind.length) {
      this.behind = new Int32Array(count * 2);
      this.before = new Int32Array(count * 2);
    }
    const { behindAt, behind, beforeAt, before } = this;
    behindAt.fill(0, 0, joints + 1);
    beforeAt.fill(0, 0, joints + 1);
    for (let segment = 0; segment < count; segment += 1) {
      const [start, end] = [from[segment] ?? 0, to[segment] ?? NOWHERE];
      behindAt[start] = (behindAt[start] ?? 0) + 1;
      if (end !== NOWHERE) beforeAt[end] = (beforeAt[end] ?? 0) + 1;
    }
    let [behindSum, beforeSum] = [0, 0];
    for (let joint = 0; joint <= joints; joint += 1) {
      behindAt[joint] = behindSum += behindAt[joint] ?? 0;
      beforeAt[joint] = beforeSum += beforeAt[joint] ?? 0;
    }
    for (let segment = count - 1; segment >= 0; segment -= 1) {
      const [start, end] = [from[segment] ?? 0, to[segment] ?? NOWHERE];
      const behindPlace = (behindAt[start] ?? 0) - 1;
      behindAt[start] = behindPlace;
      behind[behindPlace] = segment;
      if (end === NOWHERE) continue;
      const beforePlace = (beforeAt[end] ?? 0) - 1;
      beforeAt[end] = beforePlace;
      before[beforePlace] = segment;
    }
  }
}
