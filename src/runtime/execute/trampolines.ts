/** Host functions as the guest's modules import them. */
import { AbiError, AbiTooLarge } from "./canonical-abi/abi-error.ts";
import type { FlatValue } from "./canonical-abi/codec.ts";
import type { CapabilityContext } from "./capabilities/capability.ts";
import type { CompiledComponent, CompiledTrampoline } from "./compiled-component.ts";
import type { ComponentInstance } from "./instance.ts";
import type { MeterState } from "./meter-state.ts";
import { FUEL_SCHEDULE } from "../prepare/meter/index.ts";
import { GUEST_STOPPED } from "./run-state.ts";
import { unreachable } from "../unreachable.ts";

/** What a trampoline works on: the run that is under way. */
export interface TrampolineContext extends CapabilityContext {
  readonly instance: ComponentInstance;
  readonly meter: MeterState;
}

type CoreImport = (...args: unknown[]) => FlatValue | undefined;

/** Units of call depth that the host's frames take between two components: 4 KiB, more than they are in any of V8's tiers. */
const HOST_FRAMES_DEPTH = 16;
/** Bytes that the arguments of one host call may copy, besides the log and error limits. */
const ARGUMENT_BYTES = 262_144;

export function trampolines(component: CompiledComponent, context: TrampolineContext): readonly CoreImport[] {
  return component.trampolines.map((trampoline) => guarded(context, trampoline, core(trampoline, context)));
}

function core(trampoline: CompiledTrampoline, context: TrampolineContext): CoreImport {
  const { instance, handles, meter, state } = context;
  switch (trampoline.kind) {
    case "resource-drop":
      return (handle) => {
        handles.drop(handle, trampoline.resource);
        return undefined;
      };
    case "host": {
      const { answer, codec, abi } = trampoline;
      if (answer === undefined) {
        return () => {
          throw new AbiError(`a function of ${trampoline.capability} was called with a handle that cannot exist`);
        };
      }
      return (...args) => {
        const memory = instance.memoryFor(abi, argumentBudget(trampoline.capability, context));
        const params = meter.paid(memory, () => codec.liftParams(memory, args));
        const returned = codec.lowerResult(memory, answer(context, params), args);
        meter.pay(memory);
        return returned;
      };
    }
    case "guest": {
      const { callee, codec, abi, caller } = trampoline;
      const budget = state.limits.maxResultBytes + ARGUMENT_BYTES;
      return (...args) => {
        if (caller === callee.lifted.owner) throw new AbiError("a component instance that calls itself from without");
        if (!meter.takeDepth(HOST_FRAMES_DEPTH)) return state.end({ kind: "stack-exhausted" });
        const memory = instance.memoryFor(abi, budget);
        const params = meter.paid(memory, () => codec.liftParams(memory, args));
        const returned = codec.lowerResult(memory, instance.call(callee, params, budget, meter), args);
        meter.giveBackDepth(HOST_FRAMES_DEPTH);
        meter.pay(memory);
        return returned;
      };
    }
    default:
      return unreachable(trampoline);
  }
}

/** UTF-16 takes up to twice the bytes that the limits count. */
function argumentBudget(capability: string, { state }: TrampolineContext): number {
  if (capability === "tasker:handler/abort") return state.limits.maxErrorBytes * 2;
  if (capability === "tasker:handler/log") return state.logBytesLeft * 2;
  return ARGUMENT_BYTES;
}

/**
 * Counts and charges the call, and records why it failed. What the guest itself did while the host called it
 * (`cabi_realloc` traps) passes through unrecorded: it is the guest's.
 */
function guarded(context: TrampolineContext, trampoline: CompiledTrampoline, call: CoreImport): CoreImport {
  const { state, meter, instance } = context;
  const capability = trampoline.kind === "host" ? trampoline.capability : trampoline.kind;
  const fuel = FUEL_SCHEDULE.hostCall + fuelOfValues(trampoline);
  return (...args) => {
    meter.charge(fuel);
    state.enterHostCall();
    if (!instance.mayLeave) return state.end({ kind: "abi", reason: "a call out of cabi_realloc or post-return" });
    try {
      return call(...args);
    } catch (error) {
      if (error === GUEST_STOPPED || error instanceof WebAssembly.RuntimeError) throw error;
      if (error instanceof WebAssembly.Exception) throw error;
      // Only the guest's depth can exhaust the host's stack here; the classification looks at the meter.
      if (error instanceof RangeError) throw error;
      if (error instanceof AbiTooLarge) return tooLarge(capability, context);
      if (error instanceof AbiError) return state.end({ kind: "abi", reason: error.message });
      return state.end({ kind: "host-call-failed", capability, message: String(error) });
    }
  };
}

/** Of parameters and result. Between two components each of them moves twice: out of one memory and into the other. */
function fuelOfValues(trampoline: CompiledTrampoline): number {
  switch (trampoline.kind) {
    case "resource-drop":
      return 0;
    case "host":
      return trampoline.codec.fuel;
    case "guest":
      return 2 * trampoline.codec.fuel;
    default:
      return unreachable(trampoline);
  }
}

function tooLarge(capability: string, { state }: TrampolineContext): never {
  if (capability === "tasker:handler/log") return state.logExceeded();
  if (capability === "tasker:handler/abort") {
    return state.end({ kind: "output-exceeded", what: "error", limit: state.limits.maxErrorBytes });
  }
  return state.end({ kind: "abi", reason: `an argument of more than ${ARGUMENT_BYTES} bytes` });
}
