/** One of the two sides of a comparison: a program on a live instance, metered or as it came from its compiler. */
import { compileComponent, type CompiledComponent } from "../../src/runtime/execute/compiled-component.ts";
import { type BorrowedMemories, borrowMemories } from "../../src/runtime/execute/borrow-memories.ts";
import { instantiate } from "../../src/runtime/execute/instantiate.ts";
import { MemoryPool } from "../../src/runtime/execute/memory-pool.ts";
import { meterGlobals, MeterState } from "../../src/runtime/execute/meter-state.ts";
import { RunContext } from "../../src/runtime/execute/run-context.ts";
import { RunState } from "../../src/runtime/execute/run-state.ts";
import { outcomeOf, stepContextValue } from "../../src/runtime/execute/values.ts";
import type { Artifact } from "../../src/runtime/artifact.ts";
import { derivePlan } from "../../src/runtime/prepare/derive-plan.ts";
import { extractModules } from "../../src/runtime/prepare/extract-modules.ts";
import { linkPastShims } from "../../src/runtime/prepare/link-past-shims.ts";
import { METER_NAMESPACE, meterModule } from "../../src/runtime/prepare/meter/index.ts";
import { meterModules, onlyUsed, writtenPlan } from "../../src/runtime/prepare/prepare.ts";
import type { StepContext } from "../../src/runtime/step-context.ts";
import { BENCH_LIMITS } from "./step.ts";

/** Runs the program once. Returns what both sides must agree on. */
export type Side = () => string;

/** The same component as its tools linked it, with the modules that we leave out, all of them metered. For measurements only. */
export function writtenArtifact(artifact: Artifact, component: Uint8Array<ArrayBuffer>): Artifact {
  const extracted = extractModules(component);
  return { ...artifact, plan: writtenPlan(derivePlan(extracted)), modules: meterModules(extracted) };
}

/**
 * The same component without metering: its own modules, with memories of their own, under the plan that was derived
 * from them. For measurements only.
 */
export function plainArtifact(artifact: Artifact, component: Uint8Array<ArrayBuffer>): Artifact {
  const extracted = extractModules(component);
  const linked = linkPastShims(writtenPlan(derivePlan(extracted)), extracted);
  const plain = extracted.modules.map((bytes) => ({ bytes, memories: [], initialBytes: 0, instantiationFuel: 0 }));
  return { ...artifact, ...onlyUsed(linked, plain) };
}

/** Calls `handle` for each context in turn, on an instance that lives on: what is left is the guest's own code. */
export function componentSide(component: CompiledComponent, steps: readonly StepContext[]): Side {
  const { instance } = liveInstance(component);
  const { lifted, codec } = component.handle;
  const core = instance.function(lifted.func);
  const postReturn = lifted.postReturn === undefined ? undefined : instance.function(lifted.postReturn);
  return () => {
    let results = "";
    for (const step of steps) {
      const memory = instance.memoryFor(lifted.abi, 16_777_216);
      const returned = core(...codec.lowerParams(memory, [stepContextValue(step)]));
      const outcome = outcomeOf(codec.liftResult(memory, returned));
      postReturn?.(returned);
      if (outcome.kind !== "success") throw new Error(`${step.callable} ended with ${JSON.stringify(outcome)}`);
      results += outcome.resultJson;
    }
    return results;
  };
}

/** An instance of the component by the runtime's own replay, and what it runs in. */
export function liveInstance(component: CompiledComponent): RunContext {
  const meter = new MeterState(BENCH_LIMITS, component.startCost, component.meterGlobals);
  const state = new RunState(BENCH_LIMITS, () => meter.halt());
  const context = new RunContext(state, meter, { nowMs: 1_764_000_000_000, seed: 42n });
  instantiate(component, context, freshMemories(component.artifact));
  return context;
}

/** Memories that no pool takes back. */
export function freshMemories(artifact: Artifact): BorrowedMemories {
  const memories = borrowMemories(artifact, BENCH_LIMITS, new MemoryPool(0));
  return memories ?? fail("the process has no addresses left for a memory");
}

/** Both sides of a component. */
export function componentSides(
  artifact: Artifact,
  component: Uint8Array<ArrayBuffer>,
): (steps: readonly StepContext[]) => readonly [plain: Side, metered: Side] {
  const plain = compileComponent(plainArtifact(artifact, component));
  const metered = compileComponent(artifact);
  return (steps) => [componentSide(plain, steps), componentSide(metered, steps)];
}

/** Both sides of a core module that exports `run`. */
export function coreSides(original: Uint8Array<ArrayBuffer>): readonly [plain: Side, metered: Side] {
  const { bytes, memories, initialBytes, instantiationFuel } = meterModule(original);
  const start = { bytes: initialBytes, fuel: instantiationFuel };
  const meter: Record<string, WebAssembly.ImportValue> = {
    ...new MeterState(BENCH_LIMITS, start, meterGlobals()).imports,
  };
  for (const { importName, minPages, maxPages = 16_384 } of memories) {
    meter[importName] = new WebAssembly.Memory({ initial: minPages, maximum: maxPages });
  }
  return [coreSide(original, {}), coreSide(bytes, { [METER_NAMESPACE]: meter })];
}

function coreSide(bytes: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports): Side {
  const env = { abort: (): never => fail("it aborted") };
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { ...imports, env }).exports;
  if (typeof run !== "function") return fail('it exports no function "run"');
  return () => String(run());
}

function fail(found: string): never {
  throw new Error(`Cannot run the program: ${found}`);
}
