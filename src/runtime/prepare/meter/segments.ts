/**
 * The flow of one function body. A *segment* is a straight piece of code: it is entered at its beginning only and left at
 * its end only. Where segments end and others begin is a *joint*. All segments that a conditional branch may go on with
 * begin at one joint, for nothing can be charged between the branch and them.
 */

/** The joint where the function is entered. */
export const ENTRY = 0;
/** The joint where it is left, by a return or an exception, and where it goes on when it has caught one. */
export const EXIT = 1;
/** What a segment leads to that ends in `unreachable`. */
export const NOWHERE = -1;

export class Segments {
  count = 0;
  joints = 0;
  /** Fuel of its instructions; after `placeCharges`, the fuel that is charged where it begins. */
  cost = new Float64Array(1024);
  from = new Int32Array(1024);
  to = new Int32Array(1024);
  /** The insertion that charges it. */
  insertion = new Int32Array(1024);
  /** How often it is taken to run for one call of the function. */
  weight = new Float64Array(1024);
  /** 1 if it calls something: an exception may leave it half-way. */
  calls = new Uint8Array(1024);
  /** The insertion behind its last instruction; −1 if it calls nothing. */
  lastInsertion = new Int32Array(1024);
  #parents = new Int32Array(1024);

  clear(): void {
    this.count = 0;
    this.joints = 0;
    this.joint();
    this.joint();
  }

  /** A segment begins at this joint. */
  begin(joint: number, insertion: number, weight: number): number {
    const segment = this.count;
    if (segment === this.from.length) this.#grow();
    this.count = segment + 1;
    this.cost[segment] = 0;
    this.from[segment] = joint;
    this.to[segment] = NOWHERE;
    this.insertion[segment] = insertion;
    this.weight[segment] = weight;
    this.calls[segment] = 0;
    this.lastInsertion[segment] = -1;
    return segment;
  }

  /** A new joint. */
  joint(): number {
    const joint = this.joints;
    if (joint === this.#parents.length) this.#parents = grown(this.#parents, new Int32Array(joint * 2));
    this.#parents[joint] = joint;
    this.joints = joint + 1;
    return joint;
  }

  /** From now on the two are one; the lower number stands for both. */
  unite(one: number, other: number): number {
    const [a, b] = [this.find(one), this.find(other)];
    const [low, high] = a < b ? [a, b] : [b, a];
    this.#parents[high] = low;
    return low;
  }

  /** The joint that stands for this one. */
  find(joint: number): number {
    const parents = this.#parents;
    let at = joint;
    for (;;) {
      const parent = parents[at] ?? at;
      if (parent === at) return at;
      const next = parents[parent] ?? parent;
      parents[at] = next;
      at = next;
    }
  }

  /** When the whole body is known: segments name the joints that stand for theirs. */
  settle(): void {
    const { count, from, to, weight } = this;
    for (let segment = 0; segment < count; segment += 1) {
      from[segment] = this.find(from[segment] ?? 0);
      const end = to[segment] ?? NOWHERE;
      if (end !== NOWHERE) to[segment] = this.find(end);
      else weight[segment] = (weight[segment] ?? 0) * GIVING_UP;
    }
  }

  /** Fuel of all of them, each taken once. */
  totalCost(): number {
    let total = 0;
    for (let segment = 0; segment < this.count; segment += 1) total += this.cost[segment] ?? 0;
    return total;
  }

  #grow(): void {
    const capacity = this.from.length * 2;
    this.cost = grown(this.cost, new Float64Array(capacity));
    this.from = grown(this.from, new Int32Array(capacity));
    this.to = grown(this.to, new Int32Array(capacity));
    this.insertion = grown(this.insertion, new Int32Array(capacity));
    this.weight = grown(this.weight, new Float64Array(capacity));
    this.calls = grown(this.calls, new Uint8Array(capacity));
    this.lastInsertion = grown(this.lastInsertion, new Int32Array(capacity));
  }
}

/** How often a run is taken to end in an `unreachable` that it comes near to. */
const GIVING_UP = 0.01;

/** The content of one typed array in a larger one. */
export function grown<T extends Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(
  from: T,
  to: T,
): T {
  to.set(from);
  return to;
}
