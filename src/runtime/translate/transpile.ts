/** The one user of jco. It validates what we do not (the component's type system) and writes the glue that is recorded. */
import { $init, generate } from "@bytecodealliance/jco-transpile/component";
import { refuse } from "../component/refuse.ts";

/** jco's output: hostile from its first byte, as it holds names and shapes of the upload. */
export interface Transpiled {
  readonly glue: string;
  readonly modules: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/** `jco-transpile`'s own entry loads a native minifier, which the permission model forbids; its bindgen needs none. */
export async function transpile(component: Uint8Array): Promise<Transpiled> {
  await $init;
  const files = runBindgen(component);
  const modules = new Map<string, Uint8Array<ArrayBuffer>>();
  let glue: string | undefined;
  for (const [name, content] of files) {
    if (name.endsWith(".js")) glue = Buffer.from(content).toString("utf8");
    else if (name.endsWith(".wasm")) modules.set(name, Uint8Array.from(content));
  }
  if (glue === undefined) return refuse("TSK_COMPONENT_INVALID", "the translator wrote no glue for it");
  return { glue, modules };
}

function runBindgen(component: Uint8Array): readonly (readonly [string, Uint8Array])[] {
  try {
    return generate(component, {
      name: "component",
      map: [],
      instantiation: { tag: "sync" },
      noTypescript: true,
      noNodejsCompat: true,
      base64Cutoff: 0,
    }).files;
  } catch (error) {
    // A message of the validator where there is one; a panic of the translator says nothing useful.
    const reason = error instanceof Error ? error.message : String(error);
    return refuse("TSK_COMPONENT_INVALID", `the translator refused it: ${JSON.stringify(reason.slice(0, 300))}`);
  }
}
