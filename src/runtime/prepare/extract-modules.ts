import type { ComponentDefinition, Definition } from "../component/definition.ts";
import { readComponent } from "../component/read-component.ts";
import { type ModuleInterface, readModule } from "../component/read-module.ts";
import { refuse } from "../component/refuse.ts";

type CoreModuleDefinition = Extract<Definition, { kind: "core-module" }>;

/** The core modules of a component, in the order of their bytes: the only modules that an artifact can be made of. */
export interface ComponentModules {
  readonly definition: ComponentDefinition;
  readonly modules: readonly Uint8Array<ArrayBuffer>[];
  readonly interfaces: readonly ModuleInterface[];
  indexOf(definition: CoreModuleDefinition): number;
}

export function extractModules(bytes: Uint8Array): ComponentModules {
  const definition = readComponent(bytes);
  const places = new Map<CoreModuleDefinition, number>();
  const modules: Uint8Array<ArrayBuffer>[] = [];
  const collect = (component: ComponentDefinition): void => {
    for (const entry of component.definitions) {
      if (entry.kind === "component") collect(entry.component);
      if (entry.kind !== "core-module") continue;
      places.set(entry, modules.length);
      modules.push(Uint8Array.from(bytes.subarray(entry.start, entry.end)));
    }
  };
  collect(definition);
  return {
    definition,
    modules,
    interfaces: modules.map(readModule),
    indexOf: (entry) => places.get(entry) ?? refuse("TSK_COMPONENT_MALFORMED", "a core module out of place"),
  };
}
