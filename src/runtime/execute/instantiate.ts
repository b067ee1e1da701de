import type { BorrowedMemories } from "./borrow-memories.ts";
import { AbiError } from "./canonical-abi/abi-error.ts";
import type { CompiledComponent } from "./compiled-component.ts";
import { type TrampolineContext, trampolines } from "./trampolines.ts";

/** Replays the plan: every core module instantiated in order, start functions included, all of it metered. */
export function instantiate(
  component: CompiledComponent,
  context: TrampolineContext,
  memories: BorrowedMemories,
): void {
  const { instance } = context;
  const hostFunctions = trampolines(component, context);
  component.artifact.plan.instantiations.forEach(({ module, imports, initialize }, index) => {
    const linked = (at: number): WebAssembly.ImportValue => {
      const from = imports[at]?.from ?? missing("an import");
      return "trampoline" in from ? (hostFunctions[from.trampoline] ?? missing("a trampoline")) : instance.export(from);
    };
    const given = component.imports[index] ?? missing("an instantiation");
    const compiled = component.modules[module] ?? missing("a module");
    instance.add(given.instantiate(compiled, memories.byInstantiation[index] ?? missing("memories"), linked));
    if (initialize !== undefined) instance.function({ instance: index, name: initialize })();
  });
}

function missing(what: string): never {
  throw new AbiError(`the plan names ${what} that is not there`);
}
