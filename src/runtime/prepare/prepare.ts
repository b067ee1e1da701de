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
  const plan: LinkPlan = {
    instantiations: derived.instantiations,
    trampolines: derived.trampolines,
    ...checkExports(derived),
  };
  checkPlan(plan, modules);
  compareWithRecording(plan, recorded, modules);
  const metered = meterModules(modules);
  checkMeteredBytes(bytes.length, metered);
  checkMemories(plan, metered);
  checkInstantiation(plan, metered);
  return {
    digest: createHash("sha256").update(bytes).digest("hex"),
    preparerVersion: PREPARER_VERSION,
    fuelScheduleId: FUEL_SCHEDULE.id,
    manifest: NOT_DESCRIBED,
    imports: [...derived.imports.keys()],
    exports: [...derived.exports.keys()],
    modules: metered,
    plan,
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

const NOT_DESCRIBED: Manifest = { name: "", version: "", callables: [], sdk: "" };

/** All of them, as modules that share a table call each other with the meter's own signatures. */
function meterModules({ modules }: ComponentModules): PreparedModule[] {
  return modules.map((module) => {
    const { bytes, memories, initialBytes, instantiationFuel } = meterModule(module);
    return { bytes, memories, initialBytes, instantiationFuel };
  });
}
