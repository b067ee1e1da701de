import { TaskerError } from "../../core/errors/index.ts";

/** Lets a few through at once and a few more wait; refuses the rest. First come, first served. */
export class WaitingLine {
  readonly #maxActive: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(limits: { readonly maxActive: number; readonly maxWaiting: number }) {
    this.#maxActive = limits.maxActive;
    this.#maxWaiting = limits.maxWaiting;
  }

  /** Runs `work` when it is its turn. @throws TSK_REGISTRY_BUSY where too many wait. */
  async run<T>(attempted: string, work: () => Promise<T>): Promise<T> {
    if (this.#active < this.#maxActive) this.#active += 1;
    else await this.#wait(attempted);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The place goes to the next one as it is.
      if (next === undefined) this.#active -= 1;
      else next();
    }
  }

  #wait(attempted: string): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new TaskerError("TSK_REGISTRY_BUSY", {
        attempted,
        found: `${this.#active} under way and ${this.#waiting.length} waiting`,
        accepted: `at most ${this.#maxActive} and ${this.#maxWaiting}`,
      });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
