import type { RunLimits } from "../limits.ts";
import type { StartCost } from "./start-cost.ts";
import { debitFuel, type MeterGlobal, packFuel, readFuel } from "../prepare/meter/index.ts";

/** The globals that metered modules share, by the names that they import. */
export interface MeterGlobals extends Readonly<Record<MeterGlobal, WebAssembly.Global>> {
  readonly fuel: WebAssembly.Global<bigint>;
  readonly "bytes-left": WebAssembly.Global<bigint>;
  readonly "growth-refused": WebAssembly.Global<number>;
}

/** Fresh globals. Each brings a buffer of its own: three of them are a fifth of what a small instance takes. */
export function meterGlobals(): MeterGlobals {
  return {
    fuel: new WebAssembly.Global<bigint>({ value: "i64", mutable: true }, 0n),
    "bytes-left": new WebAssembly.Global<bigint>({ value: "i64", mutable: true }, 0n),
    "growth-refused": new WebAssembly.Global<number>({ value: "i32", mutable: true }, 0),
  };
}

/** The budgets of one run, in the globals that metered modules share. Set before anything runs, read after the end. */
export class MeterState {
  readonly #limits: RunLimits;
  readonly imports: MeterGlobals;

  /**
   * `start` is what is taken before anything of the guest runs; it must fit into the budgets. `globals` may be those
   * of an earlier run, whose instance is dead and whose state was read: all three are set anew.
   */
  constructor(limits: RunLimits, start: StartCost, globals: MeterGlobals = meterGlobals()) {
    this.#limits = limits;
    this.imports = globals;
    globals.fuel.value = packFuel({ fuel: Math.max(0, limits.fuel - start.fuel), callDepth: limits.maxCallDepth });
    globals["bytes-left"].value = BigInt(Math.max(0, limits.maxMemoryBytes - start.bytes));
    globals["growth-refused"].value = 0;
  }

  /** Takes fuel for work of the host; the guest stops at its next check if too little was left. */
  charge(fuel: number): void {
    this.imports.fuel.value = debitFuel(this.imports.fuel.value, fuel);
  }

  /** Why the guest stopped itself, if it did. */
  get stopped(): "out-of-fuel" | "stack-exhausted" | undefined {
    return readFuel(this.imports.fuel.value).stopped;
  }

  get growthRefused(): boolean {
    return this.imports["growth-refused"].value !== 0;
  }

  get fuelUsed(): number {
    return this.#limits.fuel - readFuel(this.imports.fuel.value).fuelLeft;
  }

  get memoryUsed(): number {
    return this.#limits.maxMemoryBytes - Number(this.imports["bytes-left"].value);
  }
}
