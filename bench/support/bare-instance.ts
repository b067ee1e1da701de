/** The floor under a fresh instance: V8's own work, and what it takes to write the memory once. */
import type { CompiledComponent } from "../../src/runtime/execute/compiled-component.ts";
import { meterGlobals, MeterState } from "../../src/runtime/execute/meter-state.ts";
import { startCost } from "../../src/runtime/execute/start-cost.ts";
import { trampolines } from "../../src/runtime/execute/trampolines.ts";
import { METER_NAMESPACE } from "../../src/runtime/prepare/meter/index.ts";
import { freshMemories, liveInstance } from "./side.ts";
import { BENCH_LIMITS } from "./step.ts";

export interface BareInstances {
  /** `new WebAssembly.Instance` of each module of the plan, with imports that are at hand already. */
  readonly instantiate: () => void;
  /** Copies as many bytes as the memories begin with into them. */
  readonly copyMemories: () => void;
  readonly copiedBytes: number;
}

/** The same modules, memories that are warm, imports that were looked up once: nothing is left but V8's part. */
export function bareInstances(component: CompiledComponent): BareInstances {
  const { artifact, modules } = component;
  const context = liveInstance(component);
  const hostFunctions = trampolines(component, context);
  const meter = new MeterState(BENCH_LIMITS, startCost(artifact), meterGlobals()).imports;
  const { byInstantiation } = freshMemories(artifact);
  const instances: WebAssembly.Instance[] = [];
  const ready = artifact.plan.instantiations.map(({ module, imports }, index) => {
    const memories = (artifact.modules[module]?.memories ?? []).flatMap(({ importName }, at) => {
      const memory = byInstantiation[index]?.[at];
      return memory === undefined ? [] : [[importName, memory] as const];
    });
    const given: Record<string, Record<string, WebAssembly.ImportValue>> = {
      [METER_NAMESPACE]: { ...meter, ...Object.fromEntries(memories) },
    };
    for (const { module: space, name, from } of imports) {
      const value =
        "trampoline" in from ? hostFunctions[from.trampoline] : instances[from.instance]?.exports[from.name];
      if (value === undefined) throw new Error(`the plan names an import ${JSON.stringify(name)} that is not there`);
      (given[space] ??= {})[name] = value;
    }
    const compiled = modules[module];
    if (compiled === undefined) throw new Error("the plan names a module that is not there");
    instances.push(new WebAssembly.Instance(compiled, given));
    return { compiled, given };
  });
  const copies = byInstantiation.flatMap((memories) =>
    memories.map((memory) => {
      const target = new Uint8Array(memory.buffer);
      return { target, source: Uint8Array.from(target) };
    }),
  );
  return {
    instantiate: () => {
      for (const { compiled, given } of ready) void new WebAssembly.Instance(compiled, given);
    },
    copyMemories: () => {
      for (const { target, source } of copies) target.set(source);
    },
    copiedBytes: copies.reduce((sum, { source }) => sum + source.length, 0),
  };
}
