/** The derived plan against the modules it links, and against what the translate process recorded. */
import { createHash } from "node:crypto";
import type { CoreSort } from "../component/definition.ts";
import { type ModuleInterface, withoutCustomSections } from "../component/read-module.ts";
import { quoted, refuse } from "../component/refuse.ts";
import type { ExportReference, LinkPlan, RecordedImport, RecordedPlan } from "../link-plan.ts";
import type { ComponentModules } from "./extract-modules.ts";

/** Every number of the plan is in range, looks backwards only, and names an export that the module has. */
export function checkPlan(plan: LinkPlan, { interfaces }: ComponentModules): void {
  const exportsOf = interfaces.map(({ exports }) => new Map(exports.map(({ name, sort }) => [name, sort])));
  const checkReference = (reference: ExportReference, before: number, sort?: CoreSort): void => {
    const module = plan.instantiations[reference.instance]?.module;
    const found =
      module === undefined || reference.instance >= before ? undefined : exportsOf[module]?.get(reference.name);
    if (found === undefined || (sort !== undefined && found !== sort)) {
      refuse("TSK_COMPONENT_MALFORMED", `it links an export ${quoted(reference.name)} that is not there`);
    }
  };
  plan.instantiations.forEach(({ module, imports, initialize }, index) => {
    if (initialize !== undefined) checkReference({ instance: index, name: initialize }, index + 1, "func");
    const wanted: ModuleInterface | undefined = interfaces[module];
    if (wanted === undefined || wanted.imports.length !== imports.length) {
      refuse("TSK_COMPONENT_MALFORMED", `it links module ${module} with the wrong number of imports`);
    }
    imports.forEach(({ from }, at) => {
      if ("instance" in from) checkReference(from, index, wanted.imports[at]?.sort);
      else if (plan.trampolines[from.trampoline] === undefined || wanted.imports[at]?.sort !== "func") {
        refuse("TSK_COMPONENT_MALFORMED", "it links a host function that is not there");
      }
    });
  });
  checkFunctions(plan, checkReference);
}

function checkFunctions(
  plan: LinkPlan,
  check: (reference: ExportReference, before: number, sort: CoreSort) => void,
): void {
  const all = plan.instantiations.length;
  const guests = plan.trampolines.flatMap((trampoline) => (trampoline.kind === "guest" ? [trampoline.callee] : []));
  for (const { func, postReturn } of [plan.describe, plan.handle, ...guests]) {
    check(func, all, "func");
    if (postReturn !== undefined) check(postReturn, all, "func");
  }
  const lowered = plan.trampolines.flatMap((trampoline) =>
    trampoline.kind === "resource-drop" ? [] : [trampoline.abi],
  );
  for (const { memory, realloc } of [plan.describe.abi, plan.handle.abi, ...guests.map(({ abi }) => abi), ...lowered]) {
    if (memory !== undefined) check(memory, all, "memory");
    if (realloc !== undefined) check(realloc, all, "func");
  }
}

/**
 * Holds the plan against the translate process's recording. That process may have been taken over by the upload: what
 * it says can only make a component be refused, never change what is run.
 *
 * jco puts adapter modules of its own between components; they are in the recording and not in the upload, and the plan
 * has a host function in their place. Everything else has to agree, in order.
 */
export function compareWithRecording(plan: LinkPlan, recorded: RecordedPlan, { modules }: ComponentModules): void {
  const digests = modules.map((module) => createHash("sha256").update(withoutCustomSections(module)).digest("hex"));
  const own = new Set(digests);
  // Recorded instance number → number in the plan; adapters have none.
  const numbers = new Map<number, number>();
  recorded.instantiations.forEach(({ moduleDigest }, index) => {
    if (own.has(moduleDigest)) numbers.set(index, numbers.size);
  });
  if (numbers.size !== plan.instantiations.length) {
    mismatch(`${numbers.size} instances of its modules recorded, ${plan.instantiations.length} derived`);
  }
  for (const [recordedIndex, index] of numbers) {
    const derived = plan.instantiations[index];
    const seen = recorded.instantiations[recordedIndex];
    if (derived === undefined || seen === undefined || seen.moduleDigest !== digests[derived.module]) {
      mismatch(`instance ${index} is of another module`);
    }
    if (seen.imports.length !== derived.imports.length) mismatch(`instance ${index} has other imports`);
    derived.imports.forEach((wanted, at) => {
      const entry = seen.imports[at];
      if (entry === undefined || entry.module !== wanted.module || entry.name !== wanted.name) {
        mismatch(`instance ${index} has other imports`);
      }
      if (!agrees(wanted.from, entry, numbers)) {
        mismatch(`instance ${index} takes ${quoted(`${wanted.module} ${wanted.name}`)} from elsewhere`);
      }
    });
  }
}

/** A recorded import lists every export that is the same value; the derived one has to be among them. */
function agrees(
  from: LinkPlan["instantiations"][number]["imports"][number]["from"],
  recorded: RecordedImport,
  numbers: ReadonlyMap<number, number>,
): boolean {
  const sources = recorded.sources.filter(({ instance }) => numbers.has(instance));
  if ("trampoline" in from) return sources.length === 0;
  return sources.some(({ instance, name }) => numbers.get(instance) === from.instance && name === from.name);
}

function mismatch(found: string): never {
  return refuse("TSK_COMPONENT_PLAN_MISMATCH", found);
}
