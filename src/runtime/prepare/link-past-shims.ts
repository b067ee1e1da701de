/**
 * Leaves out the two modules by which wit-component breaks a circle. A module that imports functions of the host needs them
 * before its memory is there for them. It is given those of a *shim*, each of which calls through a slot of a table; a *fixup*
 * behind it puts the host's functions into the slots and starts the module. Here the host's functions look for that memory
 * when they are called, so the module can be given them at once: a step of AssemblyScript takes over a quarter less time without the two.
 *
 *   shim (0), module (1: imports 0), fixup (2: host functions → table of 0, starts 1)   becomes   module (0), initialized
 *
 * Only where both are exactly that, nobody else takes anything of them, and the module has no start function of its own: that
 * one would call before the slots are filled and trap. So nothing changes but the price.
 */
import type { ExportReference, Instantiation, LiftedFunction, LinkPlan, PlannedImport } from "../link-plan.ts";
import type { ComponentModules } from "./extract-modules.ts";
import { METER_LIMITS, readShape, SECTION } from "./meter/index.ts";
import { type Forwarder, importedFunctions, type Module, readFixup, readShim, SHIM_TABLE } from "./shim-modules.ts";

/** A shim, the module that it stands before, and their fixup: places in the plan. */
interface Circle {
  readonly shim: number;
  readonly user: number;
  readonly fixup: number;
  /** Export of the shim → the host function behind it. */
  readonly functions: ReadonlyMap<string, PlannedImport["from"]>;
  /** Export of the user that the fixup starts. */
  readonly initialize: string | undefined;
}

type Places = Pick<Circle, "shim" | "user" | "fixup">;
/** What a module is, read once however often it is instantiated. */
interface Reading extends Module {
  readonly forwarders: () => ReturnType<typeof readShim>;
  readonly filling: () => ReturnType<typeof readFixup>;
}

type ModuleOf = (made: Instantiation) => Reading;

/** The plan without shims and fixups. The modules keep their numbers, and are valid. */
export function linkPastShims(plan: LinkPlan, { modules, interfaces }: ComponentModules): LinkPlan {
  const read = new Map<number, Reading>();
  const moduleOf: ModuleOf = ({ module }) => {
    const [bytes, declared] = [modules[module], interfaces[module]];
    if (bytes === undefined || declared === undefined) throw new TypeError("the plan was not checked");
    const known = read.get(module) ?? reading({ shape: readShape(bytes, METER_LIMITS), interface: declared });
    read.set(module, known);
    return known;
  };
  let linked = plan;
  for (let fixup = plan.instantiations.length - 1; fixup >= 2; fixup -= 1) {
    const circle = circleOf(linked, fixup, moduleOf);
    if (circle === undefined) continue;
    linked = withoutCircle(linked, circle);
    // The shim was before it: what has not been looked at has moved by one.
    fixup -= 1;
  }
  return linked;
}

function reading(module: Module): Reading {
  return { ...module, forwarders: once(() => readShim(module)), filling: once(() => readFixup(module)) };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function circleOf(plan: LinkPlan, fixup: number, moduleOf: ModuleOf): Circle | undefined {
  const fixupInstance = plan.instantiations[fixup];
  const userInstance = plan.instantiations[fixup - 1];
  const table = fixupInstance?.imports.find(({ name }) => name === SHIM_TABLE)?.from;
  if (fixupInstance === undefined || userInstance === undefined) return undefined;
  if (table === undefined || !("instance" in table)) return undefined;
  const shimInstance = plan.instantiations[table.instance];
  const places: Places = { shim: table.instance, user: fixup - 1, fixup };
  if (shimInstance === undefined || places.shim >= places.user || !standAlone(plan, places)) return undefined;

  const user = moduleOf(userInstance);
  const forwarders = moduleOf(shimInstance).forwarders();
  const filling = moduleOf(fixupInstance).filling();
  if (forwarders === undefined || filling === undefined || user.shape.section(SECTION.start) !== undefined)
    return undefined;

  const functions = new Map<string, PlannedImport["from"]>();
  for (const [name, { slot, type }] of forwarders) {
    const filler = filling.slots[slot];
    const from = filler && fixupInstance.imports[filler.at]?.from;
    if (filler === undefined || from === undefined || filler.type !== type) return undefined;
    if (!("trampoline" in from) || memoryOf(plan, from.trampoline) !== places.user) return undefined;
    functions.set(name, from);
  }
  if (!importsAsExported(userInstance, user, places.shim, forwarders)) return undefined;
  if (filling.start === undefined) return { ...places, functions, initialize: undefined };
  const start = fixupInstance.imports[filling.start]?.from;
  if (start === undefined || !("instance" in start) || start.instance !== places.user) return undefined;
  return { ...places, functions, initialize: start.name };
}

/** Nobody but the user takes functions of the shim, nobody but the fixup its table, nobody anything of the fixup. */
function standAlone(plan: LinkPlan, { shim, user, fixup }: Places): boolean {
  const taken = plan.instantiations.every(({ imports }, index) =>
    imports.every(({ from }) => {
      if (!("instance" in from)) return true;
      if (from.instance === shim) return index === (from.name === SHIM_TABLE ? fixup : user);
      return from.instance !== fixup;
    }),
  );
  const initialized = plan.instantiations[user]?.initialize !== undefined;
  return taken && !initialized && referencesOf(plan).every(({ instance }) => instance !== shim && instance !== fixup);
}

/** Exports that are taken for something else than another module's import. */
function referencesOf({ describe, handle, trampolines }: LinkPlan): readonly ExportReference[] {
  const lifted = [describe, handle, ...trampolines.flatMap((each) => (each.kind === "guest" ? [each.callee] : []))];
  const lowered = trampolines.flatMap((each) => (each.kind === "resource-drop" ? [] : [each]));
  return [
    ...lifted.flatMap(({ func, postReturn }) => [func, postReturn]),
    ...[...lifted, ...lowered].flatMap(({ abi }) => [abi.memory, abi.realloc]),
  ].filter((reference) => reference !== undefined);
}

/** The instance by whose memory a host function takes and gives values; undefined for one that needs none. */
function memoryOf({ trampolines }: LinkPlan, index: number): number | undefined {
  const trampoline = trampolines[index];
  return trampoline?.kind === "host" ? trampoline.abi.memory?.instance : undefined;
}

/** What the user imports of the shim is of the very type that the shim exports: between them V8 would see to that. */
function importsAsExported(
  { imports }: Instantiation,
  user: Module,
  shim: number,
  forwarders: ReadonlyMap<string, Forwarder>,
): boolean {
  const types = importedFunctions(user);
  return imports.every(
    ({ from }, at) =>
      !("instance" in from) || from.instance !== shim || types[at] === (forwarders.get(from.name)?.type ?? ""),
  );
}

function withoutCircle(plan: LinkPlan, { shim, user, fixup, functions, initialize }: Circle): LinkPlan {
  const moved = (reference: ExportReference): ExportReference => {
    const { instance, name } = reference;
    return { instance: instance - Number(instance > shim) - Number(instance > fixup), name };
  };
  const movedAbi = <T extends LiftedFunction["abi"]>(abi: T): T => ({
    ...abi,
    memory: abi.memory && moved(abi.memory),
    realloc: abi.realloc && moved(abi.realloc),
  });
  const movedFunction = (lifted: LiftedFunction): LiftedFunction => ({
    ...lifted,
    func: moved(lifted.func),
    postReturn: lifted.postReturn && moved(lifted.postReturn),
    abi: movedAbi(lifted.abi),
  });
  const relinked = (from: PlannedImport["from"]): PlannedImport["from"] => {
    if (!("instance" in from)) return from;
    return from.instance === shim ? (functions.get(from.name) ?? from) : moved(from);
  };
  return {
    instantiations: plan.instantiations.flatMap((made, index) => {
      if (index === shim || index === fixup) return [];
      const imports = made.imports.map((planned) => ({ ...planned, from: relinked(planned.from) }));
      return [{ ...made, imports, ...(index === user && initialize !== undefined ? { initialize } : {}) }];
    }),
    trampolines: plan.trampolines.map((trampoline) => {
      if (trampoline.kind === "resource-drop") return trampoline;
      const abi = movedAbi(trampoline.abi);
      return trampoline.kind === "host"
        ? { ...trampoline, abi }
        : { ...trampoline, abi, callee: movedFunction(trampoline.callee) };
    }),
    describe: movedFunction(plan.describe),
    handle: movedFunction(plan.handle),
  };
}
