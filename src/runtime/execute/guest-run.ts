/** One call of a guest's exported function on a fresh instance, from budgets to how it ended. Synchronous. */
import type { RunLimits } from "../limits.ts";
import { borrowMemories, type BorrowedMemories } from "./borrow-memories.ts";
import type { AbiValue } from "./canonical-abi/codec.ts";
import type { CompiledComponent, CompiledFunction } from "./compiled-component.ts";
import { instantiate } from "./instantiate.ts";
import type { MemoryPool } from "./memory-pool.ts";
import { MeterState } from "./meter-state.ts";
import { type GuestSetting, RunContext } from "./run-context.ts";
import { RunState } from "./run-state.ts";

/** How a call into the guest ended, before anybody judged it. */
export type Ending =
  | { readonly kind: "returned"; readonly value: AbiValue | undefined }
  | { readonly kind: "threw"; readonly error: unknown }
  /** The instance would have begun with more than its budget has, or the process has addresses for. Nothing of the guest ran. */
  | { readonly kind: "not-started"; readonly lacking: "memory" | "fuel" | "addresses" };

export interface GuestRun {
  readonly context: RunContext;
  readonly ending: Ending;
}

/** Calls one exported function on a fresh instance, within budgets. `describe` and `handle` both come this way. */
export function runGuest(
  component: CompiledComponent,
  target: CompiledFunction,
  args: () => readonly AbiValue[],
  limits: RunLimits,
  setting: GuestSetting,
  pool: MemoryPool,
): GuestRun {
  const { startCost } = component;
  const meter = new MeterState(limits, startCost, component.meterGlobals);
  const state = new RunState(limits, () => meter.halt());
  const context = new RunContext(state, meter, setting);
  if (startCost.bytes > limits.maxMemoryBytes) return { context, ending: { kind: "not-started", lacking: "memory" } };
  if (startCost.fuel > limits.fuel) return { context, ending: { kind: "not-started", lacking: "fuel" } };
  const memories = borrowMemories(component.artifact, limits, pool);
  if (memories === undefined) return { context, ending: { kind: "not-started", lacking: "addresses" } };
  const ending = callGuest(component, target, args, context, memories);
  context.flush();
  memories.giveBack();
  return { context, ending };
}

function callGuest(
  component: CompiledComponent,
  target: CompiledFunction,
  args: () => readonly AbiValue[],
  context: RunContext,
  memories: BorrowedMemories,
): Ending {
  const { state, meter, instance } = context;
  const { lifted, codec } = target;
  try {
    instantiate(component, context, memories);
    state.phase = "lower";
    instance.enter(lifted.owner);
    const memory = instance.memoryFor(lifted.abi, liftBudget(state.limits));
    const core = instance.function(lifted.func);
    const params = codec.lowerParams(memory, args());
    meter.pay(memory, codec.fuel);
    state.phase = "call";
    const returned = core(...params);
    state.phase = "lift";
    const value = meter.paid(memory, () => codec.liftResult(memory, returned));
    state.phase = "post-return";
    instance.postReturn(target, returned);
    return { kind: "returned", value };
  } catch (error) {
    return { kind: "threw", error };
  }
}

/**
 * Bytes that a result may copy. UTF-16 takes up to twice what the limits count, an attribute two and a half times, and the
 * rest of an outcome has a size of its own.
 */
function liftBudget(limits: RunLimits): number {
  return Math.ceil(2.5 * Math.max(limits.maxResultBytes, limits.maxErrorBytes)) + 4_096;
}
