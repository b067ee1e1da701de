import { type GateKind, ReadyChild, type Rehearsal } from "./ready-child.ts";

const KINDS: readonly GateKind[] = ["translate", "prepare"];

/** A child that waits. */
interface Spare {
  readonly child: Promise<ReadyChild>;
  /** It rehearses: whoever needs one now is faster with a new one. */
  busy: boolean;
}

/**
 * One child of each kind that waits for the next upload; none unless somebody keeps them. Spares rehearse what was asked
 * last, so they have run code of that upload: only for a host that serves one author.
 */
export class SpareChildren {
  readonly #spares = new Map<GateKind, Spare>();
  readonly #rehearsals = new Map<GateKind, Rehearsal>();
  #heapMegabytes: number | undefined;

  /** Keeps spares with this heap from now on, until what it returns is disposed of. */
  keep(heapMegabytes: number): Disposable {
    this.#heapMegabytes = heapMegabytes;
    this.refill();
    return {
      [Symbol.dispose]: () => {
        this.#heapMegabytes = undefined;
        for (const { child } of this.#spares.values()) void endOf(child);
        this.#spares.clear();
        this.#rehearsals.clear();
      },
    };
  }

  /** The spare where there is one and it lives, else a child that starts now. */
  async take(kind: GateKind, heapMegabytes: number): Promise<ReadyChild> {
    const spare = this.#spares.get(kind);
    if (spare === undefined || spare.busy || heapMegabytes !== this.#heapMegabytes) {
      return ReadyChild.start(kind, heapMegabytes);
    }
    this.#spares.delete(kind);
    const ready = await spare.child.catch(() => undefined);
    return ready?.isAlive === true ? ready : ReadyChild.start(kind, heapMegabytes);
  }

  /** What a child of this kind has answered well. */
  remember(kind: GateKind, rehearsal: Rehearsal): void {
    if (this.#heapMegabytes !== undefined) this.#rehearsals.set(kind, rehearsal);
  }

  /** Starts what is missing: after an upload, not beside it. */
  refill(): void {
    if (this.#heapMegabytes === undefined) return;
    for (const kind of KINDS) {
      if (this.#spares.has(kind)) continue;
      const child = ReadyChild.start(kind, this.#heapMegabytes);
      const spare: Spare = { child, busy: false };
      this.#spares.set(kind, spare);
      // Where none can be started, the next upload says why.
      void this.#rehearse(kind, spare).catch(() => undefined);
    }
  }

  async #rehearse(kind: GateKind, spare: Spare): Promise<void> {
    const rehearsal = this.#rehearsals.get(kind);
    const child = await spare.child;
    if (rehearsal === undefined || this.#spares.get(kind) !== spare) return;
    spare.busy = true;
    await child.rehearse(rehearsal);
    spare.busy = false;
  }
}

/** Ends a child that was not asked, also one that is still starting. */
export async function endOf(child: Promise<ReadyChild>): Promise<void> {
  const ready = await child.catch(() => undefined);
  ready?.end("nobody asked it");
}
