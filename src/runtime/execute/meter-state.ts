import type { RunLimits } from "../limits.ts";
import { debitFuel, type MeterGlobal, packFuel, readFuel } from "../prepare/meter/index.ts";

/** The budgets of one run, in the globals that metered modules share. Set before anything runs, read after the end. */
export class MeterState {
  readonly #limits: RunLimits;
  readonly #fuel: WebAssembly.Global<bigint>;
  readonly #bytesLeft: WebAssembly.Global<bigint>;
  readonly #growthRefused = new WebAssembly.Global<number>({ value: "i32", mutable: true }, 0);

  /** `initialBytes` is what memories and tables take before anything runs; it must fit into the budget. */
  constructor(limits: RunLimits, initialBytes: number) {
    this.#limits = limits;
    const packed = packFuel({ fuel: limits.fuel, callDepth: limits.maxCallDepth });
    this.#fuel = new WebAssembly.Global<bigint>({ value: "i64", mutable: true }, packed);
    const left = BigInt(Math.max(0, limits.maxMemoryBytes - initialBytes));
    this.#bytesLeft = new WebAssembly.Global<bigint>({ value: "i64", mutable: true }, left);
  }

  get imports(): Readonly<Record<MeterGlobal, WebAssembly.Global>> {
    return { fuel: this.#fuel, "bytes-left": this.#bytesLeft, "growth-refused": this.#growthRefused };
  }

  /** Takes fuel for work of the host; the guest stops at its next check if too little was left. */
  charge(fuel: number): void {
    this.#fuel.value = debitFuel(this.#fuel.value, fuel);
  }

  /** Why the guest stopped itself, if it did. */
  get stopped(): "out-of-fuel" | "stack-exhausted" | undefined {
    return readFuel(this.#fuel.value).stopped;
  }

  get growthRefused(): boolean {
    return this.#growthRefused.value !== 0;
  }

  get fuelUsed(): number {
    return this.#limits.fuel - readFuel(this.#fuel.value).fuelLeft;
  }

  get memoryUsed(): number {
    return this.#limits.maxMemoryBytes - Number(this.#bytesLeft.value);
  }
}
