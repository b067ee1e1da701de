import type { AbiValue } from "../canonical-abi/codec.ts";
import type { HandleTable } from "../handle-table.ts";
import type { MeterState } from "../meter-state.ts";
import type { RunState } from "../run-state.ts";
import type { Randomness } from "./randomness.ts";
import type { Stdio } from "./stdio.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What a capability may touch: the run it serves, and nothing of the process. */
export interface CapabilityContext {
  readonly state: RunState;
  /** Pays for work that grows with what the guest asks for, before it is done. */
  readonly meter: Pick<MeterState, "charge">;
  readonly handles: HandleTable;
  readonly clock: VirtualClock;
  readonly randomness: Randomness;
  readonly stdio: Stdio;
}

/** A host function after lifting: values in, value out. It may end the run through `state.end`. */
export type HostFunction = (context: CapabilityContext, args: readonly AbiValue[]) => AbiValue | undefined;

export type HostFunctions = Readonly<Record<string, HostFunction>>;
