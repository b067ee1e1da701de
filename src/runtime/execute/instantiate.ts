import type { BorrowedMemories } from "./borrow-memories.ts";
import { AbiError } from "./canonical-abi/abi-error.ts";
import type { CompiledComponent } from "./compiled-component.ts";
import { METER_NAMESPACE } from "../prepare/meter/index.ts";
import { type TrampolineContext, trampolines } from "./trampolines.ts";

/** Replays the plan: every core module instantiated in order, start functions included, all of it metered. */
export function instantiate(
  component: CompiledComponent,
  context: TrampolineContext,
  memories: BorrowedMemories,
): void {
  const { instance, meter } = context;
  const hostFunctions = trampolines(component, context);
  component.artifact.plan.instantiations.forEach(({ module, imports }, index) => {
    const given: Record<string, Record<string, WebAssembly.ImportValue>> = emptyRecord();
    given[METER_NAMESPACE] = { ...meter.imports, ...memories.byInstantiation[index] };
    for (const wanted of imports) {
      const space = (given[wanted.module] ??= emptyRecord());
      space[wanted.name] =
        "trampoline" in wanted.from
          ? (hostFunctions[wanted.from.trampoline] ?? missing("a trampoline"))
          : instance.export(wanted.from);
    }
    instance.add(new WebAssembly.Instance(component.modules[module] ?? missing("a module"), given));
  });
}

/** Names come from the component: `__proto__` must be a name like any other. */
function emptyRecord<T>(): Record<string, T> {
  return Object.create(null);
}

function missing(what: string): never {
  throw new AbiError(`the plan names ${what} that is not there`);
}
