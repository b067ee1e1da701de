/**
 * Which results of float arithmetic somebody looks at bit by bit. Only those have to be made canonical (`canonical-nan.ts`):
 * arithmetic, comparisons and conversions to integers do not tell one NaN from another.
 *
 * A result is followed on the operand stack, and through locals that nothing but such results is ever put into ("open"
 * locals): what is put into one of those keeps its bits open, and is made canonical where it is taken out for somebody who
 * looks. Whatever is not followed counts as a look: calls, branches, stores, the end of a construct.
 */
import type { BodyState } from "./body-state.ts";
import { INSERT } from "./insertions.ts";

const NO_LOCAL = -1;
/** In place of an insertion: the value is no NaN. */
const NO_NAN = -1;

type FloatKind = typeof INSERT.canonical32 | typeof INSERT.canonical64;

/** Arrays that grow and are used again for each body. */
export class FloatFlow {
  /** Operands on the stack whose bits are open, from the bottom up: where, which insertion makes them canonical, out of which local. */
  readonly #heights: number[] = [];
  readonly #insertions: number[] = [];
  readonly #origins: number[] = [];

  /** All places where a value may have to be made canonical. */
  readonly #places: number[] = [];
  readonly #placeHeights: number[] = [];
  readonly #placeLocals: number[] = [];
  /** What is put where: an insertion, and the local that gets its value. */
  readonly #putInsertions: number[] = [];
  readonly #putLocals: number[] = [];

  /** By local: how its values are made canonical, 0 where it holds no scalar float. */
  readonly #kinds: number[] = [];
  /** Locals into which something else is put as well. */
  readonly #closed = new Set<number>();

  open(): void {
    for (const list of [this.#heights, this.#insertions, this.#origins]) list.length = 0;
    for (const list of [this.#places, this.#placeHeights, this.#placeLocals]) list.length = 0;
    this.#putInsertions.length = 0;
    this.#putLocals.length = 0;
    this.#kinds.length = 0;
    this.#closed.clear();
  }

  /** Locals of a body, `from` included and `to` not, hold such floats. */
  declare(from: number, to: number, kind: FloatKind): void {
    for (let local = from; local < to; local += 1) this.#kinds[local] = kind;
  }

  /** An instruction took its operands and does not care about their bits. Called when it has left its result. */
  consume(body: BodyState): void {
    while ((this.#heights.at(-1) ?? -1) >= body.height) this.#pop();
  }

  /** Arithmetic left a result on the stack. */
  produce(body: BodyState, kind: FloatKind): void {
    this.#push(body.height, this.#place(body, kind, NO_LOCAL), NO_LOCAL);
  }

  /** A float that is no NaN was put on the stack. */
  produceNumber(body: BodyState): void {
    this.#push(body.height, NO_NAN, NO_LOCAL);
  }

  /** Somebody may look at the bits of anything on the stack. */
  look(body: BodyState): void {
    if (this.#heights.length === 0) return;
    for (const insertion of this.#insertions) need(body, insertion);
    this.forget();
  }

  /** What is on the stack goes away unseen. */
  forget(): void {
    this.#heights.length = 0;
    this.#insertions.length = 0;
    this.#origins.length = 0;
  }

  /** Behind a `local.get`. */
  get(body: BodyState, local: number): void {
    const kind = this.#kinds[local];
    if (kind === undefined || body.dead) return;
    this.#push(body.height, this.#place(body, kind, local), local);
  }

  /** Before the operand of a `local.set` or `local.tee` is taken. */
  put(body: BodyState, local: number, stays: boolean): void {
    if (body.dead || (this.#kinds[local] === undefined && this.#heights.length === 0)) return;
    if (this.#heights.at(-1) !== body.height) {
      this.#closed.add(local);
      return;
    }
    const insertion = this.#insertions.at(-1) ?? NO_NAN;
    const isCopy = (this.#origins.at(-1) ?? NO_LOCAL) !== NO_LOCAL;
    if (isCopy) {
      // Canonical if it came out of an open local, and any bits else: the local that gets it cannot be open.
      need(body, insertion);
      this.#closed.add(local);
    } else if (this.#kinds[local] === undefined) need(body, insertion);
    else if (insertion !== NO_NAN) {
      this.#putInsertions.push(insertion);
      this.#putLocals.push(local);
    }
    if (!stays || isCopy) this.#pop();
  }

  /** Settles which places make their value canonical, when the body is known in whole. */
  close(body: BodyState): void {
    const { insertions } = body;
    for (const [at, insertion] of this.#putInsertions.entries()) {
      if (this.#closed.has(this.#putLocals[at] ?? NO_LOCAL)) need(body, insertion);
    }
    for (const [at, insertion] of this.#places.entries()) {
      const local = this.#placeLocals[at] ?? NO_LOCAL;
      if (local !== NO_LOCAL && this.#closed.has(local)) insertions.cost[insertion] = 0;
      if (insertions.cost[insertion] === 0) continue;
      body.floatLocal(insertions.kind[insertion] === INSERT.canonical32 ? "f32" : "f64");
      body.needOperands((this.#placeHeights[at] ?? 0) + CANONICAL_OPERANDS);
    }
  }

  #place(body: BodyState, kind: number, local: number): number {
    const insertion = body.insertBehind(kind);
    this.#places.push(insertion);
    this.#placeHeights.push(body.height);
    this.#placeLocals.push(local);
    return insertion;
  }

  #push(height: number, insertion: number, origin: number): void {
    this.#heights.push(height);
    this.#insertions.push(insertion);
    this.#origins.push(origin);
  }

  #pop(): void {
    this.#heights.pop();
    this.#insertions.pop();
    this.#origins.pop();
  }
}

/** The value, the canonical one and two to compare: three more than the guest's own code has there. */
const CANONICAL_OPERANDS = 3;

/** An insertion of this kind "costs" 1 where it is to be written. */
function need(body: BodyState, insertion: number): void {
  if (insertion !== NO_NAN) body.insertions.cost[insertion] = 1;
}
