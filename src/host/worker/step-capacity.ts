/** Who takes slots: an executor pool, or a take-over. */
export interface SlotTaker {
  /** Slots have become free, and it is this one's turn. */
  wake(): void;
}

/** Share of all slots that may be kept for namespaces that use none. */
const KEPT_SHARE = 0.25;

/**
 * The steps that may run at once over all namespaces. A slot is reserved before a step is claimed for it, so the bound holds
 * whatever is under way. No namespace starves: who finds nothing free is next when something is, and one slot each is kept for
 * those that use none, as long as they are few.
 */
export class StepCapacity {
  readonly #max: number;
  readonly #used = new Map<SlotTaker, number>();
  /** In the order in which they found nothing free. */
  readonly #waiting = new Set<SlotTaker>();
  #total = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Makes it known before its first claim: a slot is kept for it. */
  add(taker: SlotTaker): void {
    if (!this.#used.has(taker)) this.#used.set(taker, 0);
  }

  /** Slots that `taker` could have now. */
  available(taker: SlotTaker): number {
    const kept = this.#used.size <= this.#max * KEPT_SHARE;
    const promised = new Set(this.#waiting);
    if (kept) for (const [other, used] of this.#used) if (used === 0) promised.add(other);
    promised.delete(taker);
    // Of those that wait, the first comes before the promises made to the others.
    const [first] = this.#waiting;
    const free = this.#max - this.#total;
    return Math.max(0, first === taker ? Math.max(free - promised.size, Math.min(free, 1)) : free - promised.size);
  }

  /** Takes up to `wanted` slots and returns how many; where that is none, `taker` is woken when it is its turn. */
  reserve(taker: SlotTaker, wanted: number): number {
    if (wanted <= 0) return 0;
    const slots = Math.min(wanted, this.available(taker));
    if (slots === 0) {
      this.#waiting.add(taker);
      return 0;
    }
    this.#waiting.delete(taker);
    this.#change(taker, slots);
    return slots;
  }

  /** Takes a slot for a step that is here already. */
  take(taker: SlotTaker): void {
    this.#change(taker, 1);
  }

  /** Gives slots back, and wakes those whose turn it is. */
  release(taker: SlotTaker, slots: number): void {
    if (slots === 0) return;
    this.#change(taker, -slots);
    for (const next of [...this.#waiting].slice(0, slots)) next.wake();
  }

  #change(taker: SlotTaker, by: number): void {
    this.#used.set(taker, (this.#used.get(taker) ?? 0) + by);
    this.#total += by;
  }
}
