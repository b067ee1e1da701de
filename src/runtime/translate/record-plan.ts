/**
 * Runs jco's glue once, with a recording `instantiateCore`, to learn how it links the core modules.
 * From here on this process has run what was made of the upload; nothing it says is believed, only compared.
 */
import { createHash } from "node:crypto";
import { refuse } from "../component/refuse.ts";
import { withoutCustomSections, withoutStart } from "../component/read-module.ts";
import type { ExportReference, RecordedImport, RecordedInstantiation, RecordedPlan } from "../link-plan.ts";
import type { Transpiled } from "./transpile.ts";

type Instantiate = (
  getModule: (path: string) => WebAssembly.Module,
  imports: unknown,
  instantiateCore: (module: WebAssembly.Module, imports?: WebAssembly.Imports) => WebAssembly.Instance,
) => unknown;

export async function recordPlan(transpiled: Transpiled): Promise<RecordedPlan> {
  const instantiate = await loadGlue(transpiled.glue);
  const recorder = new Recorder(transpiled);
  try {
    instantiate(
      (path) => recorder.module(path),
      anyImport(),
      (module, imports) => recorder.instantiate(module, imports ?? {}),
    );
  } catch (error) {
    refuse("TSK_COMPONENT_INVALID", `it cannot be instantiated: ${JSON.stringify(String(error).slice(0, 300))}`);
  }
  return { instantiations: recorder.instantiations };
}

async function loadGlue(glue: string): Promise<Instantiate> {
  const url = `data:text/javascript;base64,${Buffer.from(glue).toString("base64")}`;
  const loaded: unknown = await import(url);
  if (typeof loaded === "object" && loaded !== null && "instantiate" in loaded) {
    const { instantiate } = loaded;
    // jco's documented export; whatever else it were, calling it can only fail inside this disposable process.
    if (typeof instantiate === "function") return (...args) => Reflect.apply(instantiate, undefined, args);
  }
  return refuse("TSK_COMPONENT_INVALID", "the translator's glue has no instantiate function");
}

/** Stands for every import: any property is a function that does nothing, and a class where one is needed. Nothing is called while modules are linked. */
function anyImport(): unknown {
  const functions = new Proxy({}, { get: () => nothing });
  return new Proxy({}, { get: () => functions, has: () => true });
}

function nothing(): void {
  // Called by nobody, extended by the glue where it declares resources.
}

class Recorder {
  readonly instantiations: RecordedInstantiation[] = [];
  readonly #files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  readonly #digests = new Map<WebAssembly.Module, string>();
  readonly #sources = new Map<unknown, ExportReference[]>();

  constructor({ modules }: Transpiled) {
    this.#files = modules;
  }

  module(path: string): WebAssembly.Module {
    const bytes =
      this.#files.get(path) ?? refuse("TSK_COMPONENT_INVALID", "the translator's glue names no module of it");
    // Start functions would meet imports that answer nothing (Go's runtime starts itself there) and burn time unmetered.
    const module = new WebAssembly.Module(withoutStart(bytes));
    this.#digests.set(module, createHash("sha256").update(withoutCustomSections(bytes)).digest("hex"));
    return module;
  }

  instantiate(module: WebAssembly.Module, given: WebAssembly.Imports): WebAssembly.Instance {
    const imports: RecordedImport[] = WebAssembly.Module.imports(module).map(({ module: from, name }) => ({
      module: from,
      name,
      sources: this.#sources.get(given[from]?.[name]) ?? [],
    }));
    const instance = new WebAssembly.Instance(module, given);
    const index = this.instantiations.length;
    for (const [name, value] of Object.entries(instance.exports)) {
      const known = this.#sources.get(value);
      if (known === undefined) this.#sources.set(value, [{ instance: index, name }]);
      else known.push({ instance: index, name });
    }
    this.instantiations.push({ moduleDigest: this.#digests.get(module) ?? "", imports });
    return instance;
  }
}
