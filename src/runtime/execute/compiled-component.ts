import type { Artifact } from "../artifact.ts";
import type { FunctionType } from "../component/value-type.ts";
import type { AbiOptions, LiftedFunction, Trampoline } from "../link-plan.ts";
import { DESCRIBE, HANDLE } from "../world/handler-world.ts";
import { offeredFunction } from "../world/offered.ts";
import { type FunctionCodec, functionCodec } from "./canonical-abi/function-codec.ts";
import type { HostFunction } from "./capabilities/capability.ts";
import { hostFunction } from "./capabilities/host-function.ts";
import { ImportObject } from "./import-objects.ts";
import { type MeterGlobals, meterGlobals } from "./meter-state.ts";
import { startCost, type StartCost } from "./start-cost.ts";
import { unreachable } from "../unreachable.ts";

/** An artifact in the memory of a process: modules compiled, every boundary function's codec at hand. */
export interface CompiledComponent {
  readonly artifact: Artifact;
  readonly modules: readonly WebAssembly.Module[];
  /** By instantiation of the plan. One run's at a time, like the globals. */
  readonly imports: readonly ImportObject[];
  readonly trampolines: readonly CompiledTrampoline[];
  readonly describe: CompiledFunction;
  readonly handle: CompiledFunction;
  readonly startCost: StartCost;
  /** One run's at a time: runs are synchronous, and each sets them anew. */
  readonly meterGlobals: MeterGlobals;
}

export interface CompiledFunction {
  readonly lifted: LiftedFunction;
  readonly codec: FunctionCodec;
}

export type CompiledTrampoline =
  | {
      readonly kind: "host";
      readonly capability: string;
      readonly abi: AbiOptions;
      readonly codec: FunctionCodec;
      /** Undefined where the guest can only trap: it would have to hold a resource that is never made. */
      readonly answer: HostFunction | undefined;
    }
  | { readonly kind: "resource-drop"; readonly resource: string }
  | {
      readonly kind: "guest";
      readonly abi: AbiOptions;
      readonly codec: FunctionCodec;
      readonly callee: CompiledFunction;
      readonly caller: number;
    };

const NOTHING: FunctionType = { params: [], result: undefined };

/** Compiles an artifact. Throws V8's CompileError where the bytes are no module: a prepared artifact's always are. */
export function compileComponent(artifact: Artifact): CompiledComponent {
  const globals = meterGlobals();
  return {
    artifact,
    modules: artifact.modules.map((module) => new WebAssembly.Module(module.bytes)),
    imports: artifact.plan.instantiations.map(
      (made) => new ImportObject(made, artifact.modules[made.module] ?? { memories: [] }, globals),
    ),
    trampolines: artifact.plan.trampolines.map(compileTrampoline),
    describe: { lifted: artifact.plan.describe, codec: functionCodec(DESCRIBE) },
    handle: { lifted: artifact.plan.handle, codec: functionCodec(HANDLE) },
    startCost: startCost(artifact),
    meterGlobals: globals,
  };
}

function compileTrampoline(trampoline: Trampoline): CompiledTrampoline {
  switch (trampoline.kind) {
    case "host":
      return {
        kind: "host",
        capability: trampoline.interface,
        abi: trampoline.abi,
        codec: functionCodec(offeredFunction(trampoline.interface, trampoline.name) ?? NOTHING),
        answer: hostFunction(trampoline.interface, trampoline.name),
      };
    case "resource-drop":
      return trampoline;
    case "guest": {
      const codec = functionCodec(trampoline.type);
      const { abi, callee, caller } = trampoline;
      return { kind: "guest", abi, codec, callee: { lifted: callee, codec }, caller };
    }
    default:
      return unreachable(trampoline);
  }
}
