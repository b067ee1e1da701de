/** What the prepare process does with an upload. It never loads jco or anything that jco wrote. */
import { createHash } from "node:crypto";
import type { Artifact, Manifest, PreparedModule } from "../artifact.ts";
import { GATE_LIMITS } from "../component/gate-limits.ts";
import { refuse } from "../component/refuse.ts";
import { compileComponent } from "../execute/compiled-component.ts";
import type { PrepareLimits } from "../limits.ts";
import type { LinkPlan, RecordedPlan } from "../link-plan.ts";
import { checkManifest } from "./check-manifest.ts";
import { checkPlan, compareWithRecording } from "./check-plan.ts";
import { checkExports, checkImports } from "./check-world.ts";
import { derivePlan } from "./derive-plan.ts";
import { describe, type Description } from "./describe.ts";
import { type ComponentModules, extractModules } from "./extract-modules.ts";
import { linkPastShims } from "./link-past-shims.ts";
import { PREPARER_VERSION } from "./preparer-version.ts";
import { FUEL_SCHEDULE, maxMeteredBytes, meterModule } from "./meter/index.ts";

/** From the component's bytes to its artifact, still without manifest: nothing of the upload has run yet. `recorded` is the translate process's word and can only lead to a refusal. */
export function prepare(bytes: Uint8Array<ArrayBuffer>, recorded: RecordedPlan, limits: PrepareLimits): Artifact {
  if (bytes.length > limits.maxComponentBytes) {
    refuse("TSK_COMPONENT_TOO_LARGE", `${bytes.length} bytes`, `at most ${limits.maxComponentBytes}`);
  }
  const modules = extractModules(bytes);
  const derived = derivePlan(modules);
  checkImports(derived);
  const written = writtenPlan(derived);
  checkPlan(written, modules);
  compareWithRecording(written, recorded, modules);
  const metered = meterModules(modules);
  checkMeteredBytes(bytes.length, metered);
  checkMemories(written, metered);
  checkInstantiation(written, metered);
  const linked = linkPastShims(written, modules);
  checkPlan(linked, modules);
  return {
    digest: createHash("sha256").update(bytes).digest("hex"),
    preparerVersion: PREPARER_VERSION,
    fuelScheduleId: FUEL_SCHEDULE.id,
    manifest: NOT_DESCRIBED,
    imports: [...derived.imports.keys()],
    exports: [...derived.exports.keys()],
    ...onlyUsed(linked, metered),
    describeFuel: 0,
  };
}

/** Runs the component for the first time: what it says of itself, held against the rules. */
export function describePrepared(artifact: Artifact, limits: PrepareLimits): Description {
  const description = describe(compileComponent(artifact), limits);
  checkManifest(description.manifest);
  return description;
}

/** Together with the header's own bound this is what the host receives (`artifact-size.ts`). */
function checkMeteredBytes(componentBytes: number, modules: readonly PreparedModule[]): void {
  const found = modules.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const accepted = maxMeteredBytes(componentBytes);
  if (found > accepted) {
    refuse("TSK_COMPONENT_TOO_LARGE", `${found} bytes of metered modules`, `at most ${accepted}`);
  }
}

/** Each memory reserves gigabytes of V8's address space, however small it is, and one module can be instantiated often. */
function checkMemories({ instantiations }: LinkPlan, modules: readonly PreparedModule[]): void {
  const memories = instantiations.reduce((sum, { module }) => sum + (modules[module]?.memories.length ?? 0), 0);
  if (memories > GATE_LIMITS.maxMemories) {
    refuse("TSK_COMPONENT_TOO_LARGE", `${memories} memories in one instance`, `at most ${GATE_LIMITS.maxMemories}`);
  }
}

/** Every step instantiates all of it. The price counts all that grows, so one cap on the sum bounds each part of it. */
function checkInstantiation({ instantiations }: LinkPlan, modules: readonly PreparedModule[]): void {
  const fuel = instantiations.reduce((sum, { module }) => sum + (modules[module]?.instantiationFuel ?? 0), 0);
  if (fuel > GATE_LIMITS.maxInstantiationFuel) {
    const found = `functions, segments, data, tables and constants that take ${fuel} units of fuel to instantiate`;
    refuse("TSK_COMPONENT_TOO_LARGE", found, `at most ${GATE_LIMITS.maxInstantiationFuel}`);
  }
}

/** How the component itself links its modules. */
export function writtenPlan(derived: ReturnType<typeof derivePlan>): LinkPlan {
  const { instantiations, trampolines } = derived;
  return { instantiations, trampolines, ...checkExports(derived) };
}

/** Modules that nothing instantiates need not be compiled. */
export function onlyUsed(plan: LinkPlan, modules: readonly PreparedModule[]): Pick<Artifact, "plan" | "modules"> {
  const used = new Set(plan.instantiations.map(({ module }) => module));
  const kept = modules.flatMap((module, number) => (used.has(number) ? [{ module, number }] : []));
  const numbers = new Map(kept.map(({ number }, place) => [number, place]));
  const instantiations = plan.instantiations.map((made) => ({ ...made, module: numbers.get(made.module) ?? 0 }));
  return { plan: { ...plan, instantiations }, modules: kept.map(({ module }) => module) };
}

const NOT_DESCRIBED: Manifest = { name: "", version: "", callables: [], sdk: "" };

/** All of them, as modules that share a table call each other with the meter's own signatures. */
export function meterModules({ modules }: ComponentModules): PreparedModule[] {
  return modules.map((module) => {
    const { bytes, memories, initialBytes, instantiationFuel } = meterModule(module);
    return { bytes, memories, initialBytes, instantiationFuel };
  });
}
