import { Randomness } from "./capabilities/randomness.ts";
import { Stdio } from "./capabilities/stdio.ts";
import { VirtualClock } from "./capabilities/virtual-clock.ts";
import { HandleTable } from "./handle-table.ts";
import { ComponentInstance } from "./instance.ts";
import type { MeterState } from "./meter-state.ts";
import type { RunState } from "./run-state.ts";
import type { TrampolineContext } from "./trampolines.ts";

/** Where a guest finds itself: its time and its chance. */
export interface GuestSetting {
  readonly nowMs: number;
  readonly seed: bigint;
}

/** What the host functions of one run work on. What only WASI asks for is made when it does: most small steps never do. */
export class RunContext implements TrampolineContext {
  readonly state: RunState;
  readonly meter: MeterState;
  readonly instance = new ComponentInstance();
  readonly #setting: GuestSetting;
  #handles: HandleTable | undefined;
  #clock: VirtualClock | undefined;
  #randomness: Randomness | undefined;
  #stdio: Stdio | undefined;

  constructor(state: RunState, meter: MeterState, setting: GuestSetting) {
    this.state = state;
    this.meter = meter;
    this.#setting = setting;
  }

  get handles(): HandleTable {
    return (this.#handles ??= new HandleTable());
  }

  get clock(): VirtualClock {
    return (this.#clock ??= new VirtualClock(this.#setting.nowMs));
  }

  get randomness(): Randomness {
    return (this.#randomness ??= new Randomness(this.#setting.seed));
  }

  get stdio(): Stdio {
    return (this.#stdio ??= new Stdio(this.state, this.meter));
  }

  /** Lines that the guest has not ended go into the log all the same. */
  flush(): void {
    this.#stdio?.flush();
  }
}
