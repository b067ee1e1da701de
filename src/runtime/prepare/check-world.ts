/** The component against the world: its imports are offered, its one interesting export has the exact types. */
import { quoted, refuse } from "../component/refuse.ts";
import { functionText, type FunctionType } from "../component/value-type.ts";
import type { LiftedFunction } from "../link-plan.ts";
import { DESCRIBE, HANDLE, HANDLER_EXPORT, HANDLER_PACKAGE_VERSION } from "../world/handler-world.ts";
import { interfaceName } from "../world/interface-name.ts";
import { neverAnswers, OFFERED_INTERFACES, offeredFunction } from "../world/offered.ts";
import type { InstanceItem, Item } from "./component-items.ts";
import type { DerivedComponent } from "./derive-plan.ts";

const WASI_VERSION = /^0\.2\.\d{1,4}$/;

/** Every import, used or not, against what the runtime offers: names, versions, functions and their types. */
export function checkImports(component: DerivedComponent): void {
  for (const [name, item] of component.imports) {
    const offered = interfaceName(name);
    const accepted = OFFERED_INTERFACES.join(", ");
    if (item.sort === "type") continue;
    if (item.sort !== "instance" || !OFFERED_INTERFACES.includes(offered.name)) {
      refuse("TSK_COMPONENT_IMPORT_REFUSED", `it imports ${quoted(name)}`, accepted);
    }
    const isWasi = offered.name.startsWith("wasi:");
    if (isWasi ? !WASI_VERSION.test(offered.version) : offered.version !== HANDLER_PACKAGE_VERSION) {
      const version = isWasi ? "any version 0.2" : `version ${HANDLER_PACKAGE_VERSION}`;
      refuse("TSK_COMPONENT_IMPORT_REFUSED", `it imports ${quoted(name)}`, version);
    }
    checkFunctions(name, offered.name, item.instance);
  }
}

function checkFunctions(fullName: string, interfaceName: string, instance: InstanceItem): void {
  for (const [name, item] of instance.exports) {
    if (item.sort === "type") continue;
    if (item.sort !== "func") {
      refuse("TSK_COMPONENT_IMPORT_REFUSED", `it imports a ${item.sort} ${quoted(name)} from ${quoted(fullName)}`);
    }
    const declared = item.func.type();
    if (neverAnswers(declared)) continue;
    const offered = offeredFunction(interfaceName, name);
    if (offered === undefined) {
      refuse("TSK_COMPONENT_IMPORT_REFUSED", `it imports the function ${quoted(name)} of ${quoted(fullName)}`);
    }
    if (functionText(declared) !== functionText(offered)) {
      refuse(
        "TSK_COMPONENT_IMPORT_REFUSED",
        `it imports ${quoted(name)} of ${quoted(fullName)} as ${quoted(functionText(declared))}`,
        functionText(offered),
      );
    }
  }
}

/** `describe` and `handle` of the exported `step-handler`, with the types of the contract. */
export function checkExports(component: DerivedComponent): { describe: LiftedFunction; handle: LiftedFunction } {
  const item = component.exports.get(HANDLER_EXPORT);
  if (item?.sort !== "instance") {
    const found = [...component.exports.keys()].map(quoted).join(", ");
    refuse(
      "TSK_COMPONENT_EXPORT_MISMATCH",
      found === "" ? "it exports nothing" : `it exports ${found}`,
      HANDLER_EXPORT,
    );
  }
  return {
    describe: liftedExport(item.instance.exports.get("describe"), "describe", DESCRIBE),
    handle: liftedExport(item.instance.exports.get("handle"), "handle", HANDLE),
  };
}

function liftedExport(item: Item | undefined, name: string, expected: FunctionType): LiftedFunction {
  if (item?.sort !== "func") {
    refuse("TSK_COMPONENT_EXPORT_MISMATCH", `${HANDLER_EXPORT} without the function ${quoted(name)}`);
  }
  const { func } = item;
  const declared = functionText(func.type());
  if (declared !== functionText(expected)) {
    refuse("TSK_COMPONENT_EXPORT_MISMATCH", `${quoted(name)} has another type`, functionText(expected));
  }
  if (func.kind === "host") {
    refuse("TSK_COMPONENT_EXPORT_MISMATCH", `${quoted(name)} is an import handed through`, "a function of its own");
  }
  return { func: func.func, postReturn: func.postReturn, abi: func.abi, owner: func.owner };
}
