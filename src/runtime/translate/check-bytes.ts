import type { ComponentDefinition, Definition } from "../component/definition.ts";
import { readComponent } from "../component/read-component.ts";
import { type ModuleInterface, readModule } from "../component/read-module.ts";
import { derivePlan } from "../prepare/derive-plan.ts";
import { extractModules } from "../prepare/extract-modules.ts";
import { refuse } from "../component/refuse.ts";

/** What is known of an upload after our own bounded reading and before any foreign code has seen it. */
export interface CheckedBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly definition: ComponentDefinition;
  readonly modules: readonly ModuleInterface[];
}

/** Size, preamble, structure and counts of the whole file. */
export function checkBytes(bytes: Uint8Array<ArrayBuffer>, maxComponentBytes: number): CheckedBytes {
  if (bytes.length > maxComponentBytes) {
    refuse("TSK_COMPONENT_TOO_LARGE", `${bytes.length} bytes`, `at most ${maxComponentBytes}`);
  }
  const definition = readComponent(bytes);
  // jco writes a line for every link when all instances are unfolded: counted here, before it does.
  derivePlan(extractModules(bytes));
  const modules = coreModules(definition).map(({ start, end }) => readModule(bytes.subarray(start, end)));
  return { bytes, definition, modules };
}

function coreModules(definition: ComponentDefinition): Extract<Definition, { kind: "core-module" }>[] {
  return definition.definitions.flatMap((entry) => {
    if (entry.kind === "component") return coreModules(entry.component);
    return entry.kind === "core-module" ? [entry] : [];
  });
}
