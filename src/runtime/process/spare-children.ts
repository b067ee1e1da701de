import { type GateKind, ReadyChild } from "./ready-child.ts";

const KINDS: readonly GateKind[] = ["translate", "prepare"];

/** One child of each kind that waits for the next upload; none unless somebody keeps them. */
export class SpareChildren {
  readonly #spares = new Map<GateKind, Promise<ReadyChild>>();
  #heapMegabytes: number | undefined;

  /** Keeps spares with this heap from now on, until what it returns is disposed of. */
  keep(heapMegabytes: number): Disposable {
    this.#heapMegabytes = heapMegabytes;
    this.refill();
    return {
      [Symbol.dispose]: () => {
        this.#heapMegabytes = undefined;
        for (const spare of this.#spares.values()) void endOf(spare);
        this.#spares.clear();
      },
    };
  }

  /** The spare where there is one and it lives, else a child that starts now. */
  async take(kind: GateKind, heapMegabytes: number): Promise<ReadyChild> {
    const spare = heapMegabytes === this.#heapMegabytes ? this.#spares.get(kind) : undefined;
    this.#spares.delete(kind);
    const ready = await spare?.catch(() => undefined);
    return ready?.isAlive === true ? ready : ReadyChild.start(kind, heapMegabytes);
  }

  /** Starts what is missing: after an upload, not beside it. */
  refill(): void {
    if (this.#heapMegabytes === undefined) return;
    for (const kind of KINDS) {
      if (this.#spares.has(kind)) continue;
      const spare = ReadyChild.start(kind, this.#heapMegabytes);
      // Where none can be started, the next upload says why.
      spare.catch(() => undefined);
      this.#spares.set(kind, spare);
    }
  }
}

/** Ends a child that was not asked, also one that is still starting. */
export async function endOf(child: Promise<ReadyChild>): Promise<void> {
  const ready = await child.catch(() => undefined);
  ready?.end("nobody asked it");
}
