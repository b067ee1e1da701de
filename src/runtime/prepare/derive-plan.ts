/**
 * Follows a component's definitions and writes down how its core modules are linked.
 *
 * Nothing runs here: instantiation is unfolded symbolically, so that every import of every module is known to be
 * an export of an earlier instance or a host function with a name, a type and canonical options. All of it comes from
 * the component's own bytes.
 */
import type {
  AliasDefinition,
  CanonicalOptions,
  Definition,
  ExternDefinition,
  InstanceDeclaration,
  NamedSort,
} from "../component/definition.ts";
import { GATE_LIMITS } from "../component/gate-limits.ts";
import type { ModuleInterface } from "../component/read-module.ts";
import { quoted, refuse } from "../component/refuse.ts";
import { holdsHandles } from "../component/value-type.ts";
import type { AbiOptions, ExportReference, Instantiation, PlannedImport, Trampoline } from "../link-plan.ts";
import { interfaceName } from "../world/interface-name.ts";
import {
  type ComponentItem,
  type CoreInstanceItem,
  type CoreItem,
  type FunctionItem,
  type InstanceItem,
  type Item,
  newScope,
  type Scope,
  type TypeItem,
  type TypeScope,
} from "./component-items.ts";
import type { ComponentModules } from "./extract-modules.ts";
import { resolveFunction, typeAt } from "./resolve-types.ts";
import { unreachable } from "../unreachable.ts";

/** What a component asks for and gives, and how it is put together. */
export interface DerivedComponent {
  readonly instantiations: readonly Instantiation[];
  readonly trampolines: readonly Trampoline[];
  /** Every root import, used or not, with what it declares. */
  readonly imports: ReadonlyMap<string, Item>;
  readonly exports: ReadonlyMap<string, Item>;
}

/** The number of the component instance that is the whole component. */
const ROOT = 0;

export function derivePlan(modules: ComponentModules): DerivedComponent {
  const derivation = new Derivation(modules);
  const root = derivation.instantiate({ definition: modules.definition, scope: newScope(undefined, ROOT) }, undefined);
  return {
    instantiations: derivation.instantiations,
    trampolines: derivation.trampolines,
    imports: derivation.rootImports,
    exports: root.exports,
  };
}

/** The entry of an index space; out of range is the component's fault. */
function at<T>(space: readonly T[], index: number, what: string): T {
  const entry = space[index];
  return entry ?? refuse("TSK_COMPONENT_MALFORMED", `${what} ${index} where ${space.length} are known`);
}

class Derivation {
  readonly instantiations: Instantiation[] = [];
  readonly trampolines: Trampoline[] = [];
  readonly rootImports = new Map<string, Item>();
  readonly #modules: ComponentModules;
  #componentInstances = 0;
  #links = 0;

  constructor(modules: ComponentModules) {
    this.#modules = modules;
  }

  /** One component instance; `args` is undefined for the root, whose imports the host answers. */
  instantiate(component: ComponentItem, args: ReadonlyMap<string, Item> | undefined): InstanceItem {
    const owner = this.#componentInstances;
    this.#componentInstances += 1;
    if (this.#componentInstances > GATE_LIMITS.maxComponentInstances) {
      refuse("TSK_COMPONENT_TOO_LARGE", `more than ${GATE_LIMITS.maxComponentInstances} component instances`);
    }
    // The root's own scope is made by its caller's `newScope`; a nested one looks outwards to where it was defined.
    const scope = args === undefined ? component.scope : newScope(component.scope, owner);
    const exports = new Map<string, Item>();
    for (const definition of component.definition.definitions) this.#define(definition, scope, args, exports);
    return { exports };
  }

  #define(
    definition: Definition,
    scope: Scope,
    args: ReadonlyMap<string, Item> | undefined,
    exports: Map<string, Item>,
  ): void {
    switch (definition.kind) {
      case "core-module":
        scope.coreModules.push(this.#modules.indexOf(definition));
        return;
      case "core-instantiate":
        scope.coreInstances.push(this.#instantiateModule(definition, scope));
        return;
      case "core-exports": {
        const bag = new Map<string, CoreItem>();
        for (const { name, sort, index } of definition.exports) {
          bag.set(name, at(scope.coreItems[sort], index, `core ${sort}`));
        }
        scope.coreInstances.push({ kind: "bag", exports: bag });
        return;
      }
      case "component":
        scope.components.push({ definition: definition.component, scope });
        return;
      case "instantiate": {
        const component = at(scope.components, definition.component, "component");
        scope.instances.push(this.instantiate(component, namedItems(definition.args, scope)));
        return;
      }
      case "exports":
        scope.instances.push({ exports: namedItems(definition.exports, scope) });
        return;
      case "alias-export":
      case "alias-outer":
        push(scope, followAlias(definition, scope));
        return;
      case "alias-core-export": {
        const item = coreExport(at(scope.coreInstances, definition.instance, "core instance"), definition);
        scope.coreItems[definition.sort].push(item);
        return;
      }
      case "type":
        scope.types.push({ kind: "defined", type: definition.type, scope });
        return;
      case "lift":
        scope.funcs.push(lift(definition, scope));
        return;
      case "lower":
        scope.coreItems.func.push(this.#trampoline(lower(definition, scope)));
        return;
      case "resource-drop": {
        const type = typeAt(scope, definition.type);
        if (type.kind !== "resource") refuse("TSK_COMPONENT_MALFORMED", "resource.drop of what is no resource");
        scope.coreItems.func.push(this.#trampoline({ kind: "resource-drop", resource: type.name }));
        return;
      }
      case "import":
        push(scope, this.#import(definition, scope, args));
        return;
      case "export": {
        const item = itemAt(definition, scope);
        if (exports.has(definition.name)) {
          refuse("TSK_COMPONENT_MALFORMED", `the export ${quoted(definition.name)} twice`);
        }
        exports.set(definition.name, item);
        push(scope, item);
      }
    }
  }

  #import(
    definition: Extract<Definition, { kind: "import" }>,
    scope: Scope,
    args: ReadonlyMap<string, Item> | undefined,
  ): Item {
    if (args !== undefined) {
      const given = args.get(definition.name);
      return given ?? refuse("TSK_COMPONENT_MALFORMED", `no argument for the import ${quoted(definition.name)}`);
    }
    if (this.rootImports.has(definition.name)) {
      refuse("TSK_COMPONENT_MALFORMED", `the import ${quoted(definition.name)} twice`);
    }
    const item = importedItem(definition.name, definition.extern, scope);
    this.rootImports.set(definition.name, item);
    return item;
  }

  #trampoline(trampoline: Trampoline): CoreItem {
    this.trampolines.push(trampoline);
    return { from: "trampoline", index: this.trampolines.length - 1 };
  }

  #instantiateModule(definition: Extract<Definition, { kind: "core-instantiate" }>, scope: Scope): CoreInstanceItem {
    const module = at(scope.coreModules, definition.module, "core module");
    const wanted: ModuleInterface = at(this.#modules.interfaces, module, "core module");
    const given = new Map<string, CoreInstanceItem>();
    for (const { name, instance } of definition.args) {
      given.set(name, at(scope.coreInstances, instance, "core instance"));
    }
    const imports = wanted.imports.map(({ module: from, name, sort }): PlannedImport => {
      const instance = given.get(from);
      if (instance === undefined)
        return refuse("TSK_COMPONENT_MALFORMED", `no argument for the import ${quoted(from)}`);
      const item = coreExport(instance, { name, sort });
      const source = item.from === "export" ? item.reference : { trampoline: item.index };
      return { module: from, name, from: source };
    });
    this.#links += imports.length;
    if (this.#links > GATE_LIMITS.maxLinks || this.instantiations.length >= GATE_LIMITS.maxInstantiations) {
      refuse("TSK_COMPONENT_TOO_LARGE", "too many module instances or links between them");
    }
    this.instantiations.push({ module, imports });
    return { kind: "instance", index: this.instantiations.length - 1 };
  }
}

function coreExport(
  instance: CoreInstanceItem,
  wanted: { readonly name: string; readonly sort: "func" | "table" | "memory" | "global" | "tag" },
): CoreItem {
  if (instance.kind === "instance") {
    return {
      from: "export",
      sort: wanted.sort,
      reference: { instance: instance.index, name: wanted.name },
    };
  }
  const item = instance.exports.get(wanted.name);
  if (item === undefined) return refuse("TSK_COMPONENT_MALFORMED", `no core export ${quoted(wanted.name)}`);
  if ((item.from === "trampoline" ? "func" : item.sort) !== wanted.sort) {
    return refuse("TSK_COMPONENT_MALFORMED", `the core export ${quoted(wanted.name)} of another sort`);
  }
  return item;
}

function namedItems(named: readonly NamedSort[], scope: Scope): Map<string, Item> {
  const items = new Map<string, Item>();
  for (const entry of named) {
    if (items.has(entry.name)) refuse("TSK_COMPONENT_MALFORMED", `the name ${quoted(entry.name)} twice`);
    items.set(entry.name, itemAt(entry, scope));
  }
  return items;
}

function itemAt({ sort, index }: NamedSort, scope: Scope): Item {
  switch (sort) {
    case "func":
      return { sort, func: at(scope.funcs, index, "function") };
    case "type":
      return { sort, type: typeAt(scope, index) };
    case "instance":
      return { sort, instance: at(scope.instances, index, "instance") };
    case "component":
      return { sort, component: at(scope.components, index, "component") };
    case "core-module":
      return { sort, module: at(scope.coreModules, index, "core module") };
    default:
      return unreachable(sort);
  }
}

function push(scope: Scope, item: Item): void {
  switch (item.sort) {
    case "func":
      scope.funcs.push(item.func);
      return;
    case "type":
      scope.types.push(item.type);
      return;
    case "instance":
      scope.instances.push(item.instance);
      return;
    case "component":
      scope.components.push(item.component);
      return;
    case "core-module":
      scope.coreModules.push(item.module);
  }
}

function followAlias(alias: AliasDefinition, scope: Scope): Item {
  if (alias.kind === "alias-export") {
    const item = at(scope.instances, alias.instance, "instance").exports.get(alias.name);
    if (item === undefined || item.sort !== alias.sort) {
      return refuse("TSK_COMPONENT_MALFORMED", `no ${alias.sort} ${quoted(alias.name)} in instance ${alias.instance}`);
    }
    return item;
  }
  if (alias.sort === "func" || alias.sort === "instance") {
    return refuse("TSK_COMPONENT_MALFORMED", `an outer alias of a ${alias.sort}`);
  }
  let outer: Scope = scope;
  for (let step = 0; step < alias.count; step += 1) {
    outer = outer.parent ?? refuse("TSK_COMPONENT_MALFORMED", "an outer alias beyond the outermost component");
  }
  return itemAt({ name: "", sort: alias.sort, index: alias.index }, outer);
}

function coreReference(scope: Scope, sort: "func" | "memory", index: number | undefined): ExportReference | undefined {
  if (index === undefined) return undefined;
  const item = at(scope.coreItems[sort], index, `core ${sort}`);
  if (item.from === "trampoline") {
    return refuse("TSK_COMPONENT_UNSUPPORTED", "a host function where one of the component's own is needed");
  }
  return item.reference;
}

function abiOptions(options: CanonicalOptions, scope: Scope): AbiOptions {
  return {
    encoding: options.encoding,
    memory: coreReference(scope, "memory", options.memory),
    realloc: coreReference(scope, "func", options.realloc),
  };
}

function lift(definition: Extract<Definition, { kind: "lift" }>, scope: Scope): FunctionItem {
  const type = typeAt(scope, definition.type);
  const reference = coreReference(scope, "func", definition.func);
  if (reference === undefined) return refuse("TSK_COMPONENT_MALFORMED", "a lifted function without a core function");
  return {
    kind: "lifted",
    func: reference,
    postReturn: coreReference(scope, "func", definition.options.postReturn),
    abi: abiOptions(definition.options, scope),
    owner: scope.owner,
    type: () => resolveFunction(type),
  };
}

function lower(definition: Extract<Definition, { kind: "lower" }>, scope: Scope): Trampoline {
  const func = at(scope.funcs, definition.func, "function");
  const abi = abiOptions(definition.options, scope);
  if (func.kind === "host") {
    return { kind: "host", interface: interfaceName(func.interface).name, name: func.name, abi };
  }
  const type = func.type();
  if ([...type.params.map(([, of]) => of), type.result].some((of) => of !== undefined && holdsHandles(of))) {
    refuse("TSK_COMPONENT_UNSUPPORTED", "handles passed between components inside the component");
  }
  const callee = { func: func.func, postReturn: func.postReturn, abi: func.abi, owner: func.owner };
  return { kind: "guest", callee, type, abi, caller: scope.owner };
}

/** What the root's import declares, as an item that the component can use. Resources get the name of their interface. */
function importedItem(name: string, extern: ExternDefinition, scope: TypeScope): Item {
  switch (extern.kind) {
    case "instance": {
      const type = typeAt(scope, extern.type);
      if (type.kind !== "defined" || type.type.kind !== "instance") {
        return refuse("TSK_COMPONENT_MALFORMED", `the import ${quoted(name)} with a type that is no instance type`);
      }
      return { sort: "instance", instance: importedInstance(name, type.type.declarations, type.scope) };
    }
    case "type-equal":
      return { sort: "type", type: typeAt(scope, extern.type) };
    case "func": {
      const type = typeAt(scope, extern.type);
      return { sort: "func", func: { kind: "host", interface: "", name, type: () => resolveFunction(type) } };
    }
    case "resource":
      return refuse("TSK_COMPONENT_UNSUPPORTED", `the import of a resource type ${quoted(name)} outside an interface`);
    default:
      return unreachable(extern);
  }
}

function importedInstance(
  importName: string,
  declarations: readonly InstanceDeclaration[],
  parent: TypeScope,
): InstanceItem {
  const scope: TypeScope = { types: [], parent, written: parent.written };
  const exports = new Map<string, Item>();
  for (const declaration of declarations) {
    if (declaration.kind === "type") {
      scope.types.push({ kind: "defined", type: declaration.type, scope });
    } else if (declaration.kind === "export") {
      const item = declaredExport(importName, declaration.name, declaration.extern, scope);
      exports.set(declaration.name, item);
      if (item.sort === "type") scope.types.push(item.type);
    } else {
      scope.types.push(aliasedType(declaration, scope));
    }
  }
  return { exports };
}

function declaredExport(importName: string, name: string, extern: ExternDefinition, scope: TypeScope): Item {
  switch (extern.kind) {
    case "resource": {
      const resource = `${interfaceName(importName).name}#${name}`;
      return { sort: "type", type: { kind: "resource", name: resource } };
    }
    case "type-equal":
      return { sort: "type", type: typeAt(scope, extern.type) };
    case "func": {
      const type = typeAt(scope, extern.type);
      return {
        sort: "func",
        func: { kind: "host", interface: importName, name, type: () => resolveFunction(type) },
      };
    }
    case "instance":
      return refuse("TSK_COMPONENT_UNSUPPORTED", `an instance inside the imported interface ${quoted(importName)}`);
    default:
      return unreachable(extern);
  }
}

/** Only `alias outer` of types makes sense where there are no instances to take exports from. */
function aliasedType(alias: AliasDefinition, scope: TypeScope): TypeItem {
  if (alias.kind !== "alias-outer" || alias.sort !== "type") {
    return refuse("TSK_COMPONENT_UNSUPPORTED", "an alias of anything but an outer type in an instance type");
  }
  let outer: TypeScope = scope;
  for (let step = 0; step < alias.count; step += 1) {
    outer = outer.parent ?? refuse("TSK_COMPONENT_MALFORMED", "an outer alias beyond the outermost component");
  }
  return typeAt(outer, alias.index);
}
