import type { CpuTime } from "./cpu-time.ts";

/** The collector and the compiler of an honest guest take a few hundredths of what the guest itself takes. */
const SHARE_OF_MAIN = 0.1;

/**
 * What V8's helper threads may cost in a process. They compile beside the guest and after it: neither fuel nor a deadline
 * counts them. Each component that is loaded brings one budget; the guests' own work adds a tenth of its time.
 */
export class CompileBudget {
  readonly #perComponentMs: number;
  #components = 0;

  constructor(perComponentMs: number) {
    this.#perComponentMs = perComponentMs;
  }

  addComponent(): void {
    this.#components += 1;
  }

  isSpent({ mainMs, helpersMs }: CpuTime): boolean {
    return helpersMs > this.#perComponentMs * Math.max(1, this.#components) + mainMs * SHARE_OF_MAIN;
  }
}
