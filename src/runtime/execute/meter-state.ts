import type { RunLimits } from "../limits.ts";
import type { AbiMemory } from "./canonical-abi/abi-memory.ts";
import { GUEST_STOPPED } from "./run-state.ts";
import type { StartCost } from "./start-cost.ts";
import {
  debitFuel,
  FUEL_SCHEDULE,
  type MeterGlobal,
  packFuel,
  readCallDepth,
  readFuel,
  withoutFuel,
} from "../prepare/meter/index.ts";

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
  #settledFuel: number | undefined;
  readonly imports: MeterGlobals;

  /**
   * `start` is what is taken before anything of the guest runs; it must fit into the budgets. `globals` are those that the
   * component's modules import, of which an earlier run is over and its state was read: all three are set anew.
   */
  constructor(limits: RunLimits, start: StartCost, globals: MeterGlobals) {
    this.#limits = limits;
    this.imports = globals;
    globals.fuel.value = packFuel({ fuel: Math.max(0, limits.fuel - start.fuel), callDepth: limits.maxCallDepth });
    globals["bytes-left"].value = BigInt(Math.max(0, limits.maxMemoryBytes - start.bytes));
    globals["growth-refused"].value = 0;
  }

  /** Takes fuel for work of the host, before it is done: where too little is left, the guest is unwound instead. */
  charge(fuel: number): void {
    if (fuel === 0) return;
    const left = debitFuel(this.imports.fuel.value, fuel);
    this.imports.fuel.value = left;
    if (left < 0n) throw GUEST_STOPPED;
  }

  /** Takes fuel for what the host has moved in or out of a memory and nobody has paid yet, and `more` besides. */
  pay(memory: AbiMemory, more = 0): void {
    this.charge(memory.takeUnpaid() * FUEL_SCHEDULE.hostByte + more);
  }

  /** Does what moves something out of a memory, and takes the fuel for it also where it failed half-way. */
  paid<T>(memory: AbiMemory, move: () => T): T {
    try {
      return move();
    } finally {
      this.pay(memory);
    }
  }

  /** Takes units of call depth for frames of the host; false where fewer are left. */
  takeDepth(units: number): boolean {
    const { value } = this.imports.fuel;
    if (readCallDepth(value) < units) return false;
    this.imports.fuel.value = value - BigInt(units);
    return true;
  }

  giveBackDepth(units: number): void {
    this.imports.fuel.value += BigInt(units);
  }

  /** Ends the run at the guest's next check. What it has used is settled now: nothing that follows counts. */
  halt(): void {
    this.#settledFuel ??= this.fuelUsed;
    this.imports.fuel.value = withoutFuel(this.imports.fuel.value);
  }

  /** Why the guest stopped itself, if it did. */
  get stopped(): "out-of-fuel" | "stack-exhausted" | undefined {
    return readFuel(this.imports.fuel.value).stopped;
  }

  get growthRefused(): boolean {
    return this.imports["growth-refused"].value !== 0;
  }

  get fuelUsed(): number {
    return this.#settledFuel ?? this.#limits.fuel - readFuel(this.imports.fuel.value).fuelLeft;
  }

  get memoryUsed(): number {
    return this.#limits.maxMemoryBytes - Number(this.imports["bytes-left"].value);
  }
}
