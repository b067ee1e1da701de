import { grown } from "./segments.ts";

/** Code that goes between rewritten instructions once the whole function is known. Grows; reused for every function. */
export const INSERT = {
  /** What is charged for a segment. */
  charge: 0,
  /** The same, and a look at what is left. */
  checkedCharge: 1,
  /** A look at the word on the stack. */
  check: 2,
  /** The word with the frame's depth given back, for a tail call. */
  returnedWord: 3,
  /** The frame's depth given back, where `Insertions.depth` says so. */
  giveBack: 4,
  /** A NaN on the stack made canonical, where `Insertions.cost` is not 0. */
  canonical32: 5,
  canonical64: 6,
} as const;

/** What may happen to the call depth of the frame. */
export const DEPTH = { stays: 0, taken: 1, givenBack: 2 } as const;

export class Insertions {
  count = 0;
  /** Where in the scratch code. */
  position = new Int32Array(1024);
  kind = new Uint8Array(1024);
  /** Fuel that is charged here; for the canonical ones, whether they are written. */
  cost = new Float64Array(1024);
  /** What happens to the frame's depth here: one of `DEPTH`. */
  depth = new Uint8Array(1024);
  /** Constructs open here. */
  nesting = new Int32Array(1024);

  clear(): void {
    this.count = 0;
  }

  add(position: number, kind: number, nesting: number): number {
    const index = this.count;
    if (index === this.kind.length) this.#grow();
    this.position[index] = position;
    this.kind[index] = kind;
    this.cost[index] = 0;
    this.depth[index] = DEPTH.stays;
    this.nesting[index] = nesting;
    this.count = index + 1;
    return index;
  }

  #grow(): void {
    const capacity = this.kind.length * 2;
    this.position = grown(this.position, new Int32Array(capacity));
    this.kind = grown(this.kind, new Uint8Array(capacity));
    this.cost = grown(this.cost, new Float64Array(capacity));
    this.depth = grown(this.depth, new Uint8Array(capacity));
    this.nesting = grown(this.nesting, new Int32Array(capacity));
  }
}
