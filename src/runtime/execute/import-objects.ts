/** What the core modules of a component are instantiated with. */
import type { PreparedModule } from "../artifact.ts";
import type { Instantiation } from "../link-plan.ts";
import { METER_NAMESPACE } from "../prepare/meter/index.ts";
import type { MeterGlobals } from "./meter-state.ts";

type Space = Record<string, WebAssembly.ImportValue | undefined>;

interface Place {
  readonly space: Space;
  readonly name: string;
}

/**
 * The import object of one instantiation of the plan. Made once for a component, since making it takes a tenth of a small step:
 * filled for each run, and emptied when the instance is there, so that nothing of a guest is kept for the next.
 */
export class ImportObject {
  readonly #spaces: Record<string, Space> = emptyRecord();
  readonly #memories: readonly Place[];
  readonly #links: readonly Place[];

  constructor({ imports }: Instantiation, { memories }: Pick<PreparedModule, "memories">, globals: MeterGlobals) {
    const meter = this.#space(METER_NAMESPACE);
    for (const [name, global] of Object.entries(globals)) meter[name] = global;
    this.#memories = memories.map(({ importName }) => ({ space: meter, name: importName }));
    this.#links = imports.map(({ module, name }) => ({ space: this.#space(module), name }));
  }

  /** `memories` in the order of the module's, `linked` says what the plan's import at an index is. */
  instantiate(
    module: WebAssembly.Module,
    memories: readonly WebAssembly.Memory[],
    linked: (at: number) => WebAssembly.ImportValue,
  ): WebAssembly.Instance {
    for (let at = 0; at < this.#memories.length; at += 1) fill(this.#memories[at], memories[at]);
    for (let at = 0; at < this.#links.length; at += 1) fill(this.#links[at], linked(at));
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every place was filled just now
      return new WebAssembly.Instance(module, this.#spaces as WebAssembly.Imports);
    } finally {
      for (const place of this.#memories) fill(place, undefined);
      for (const place of this.#links) fill(place, undefined);
    }
  }

  #space(name: string): Space {
    return (this.#spaces[name] ??= emptyRecord());
  }
}

function fill(place: Place | undefined, value: WebAssembly.ImportValue | undefined): void {
  if (place !== undefined) place.space[place.name] = value;
}

/** Names come from the component: `__proto__` must be a name like any other. */
function emptyRecord<T>(): Record<string, T> {
  return Object.create(null);
}
