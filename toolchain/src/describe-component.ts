import { componentWit } from "@bytecodealliance/jco-transpile/wasm-tools";
import { transpileBytes } from "@bytecodealliance/jco-transpile";
import { BuildError, messageOf } from "./build-error.ts";
import { interfaceName } from "./world.ts";

/** jco names interfaces without their versions. */
const ABORT = "tasker:handler/abort";

/** What a component says of itself, asked in this process: it is the author's own build. */
export interface ComponentDescription {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly callables: readonly string[];
}

/** Reads the component's world and calls its `describe`. Throws `BuildError` where it cannot be run at all. */
export async function describeComponent(component: Uint8Array): Promise<ComponentDescription> {
  const wit = await componentWit(component);
  const [, world = ""] = wit.split("world root {");
  const names = (keyword: string): string[] =>
    Array.from(world.matchAll(new RegExp(`^  ${keyword} ([^;{]+?)(?:: .*)?;`, "gm")), (match) => match[1] ?? "").sort();
  const callables = await callablesOf(component);
  if (callables.length === 0) {
    throw new BuildError({
      code: "TSK_BUILD_EVALUATION",
      attempted: "Cannot use the component",
      found: "no callables",
      accepted: "at least one handler, registered at the entry's top level",
    });
  }
  return { imports: names("import"), exports: names("export"), callables };
}

async function callablesOf(component: Uint8Array): Promise<string[]> {
  let reason: AbortReason | undefined;
  try {
    const handler = await instantiate(component, (...given) => void (reason = given));
    return [...handler.describe().callables];
  } catch (error) {
    if (reason) throw abortedError(reason);
    throw new BuildError(
      { code: "TSK_BUILD_ENGINE", attempted: "Cannot ask the component what it serves", found: messageOf(error) },
      { cause: error },
    );
  }
}

/** Message, file, line, column: what the guest gave to `abort`. */
type AbortReason = readonly [message: string, file: string, line: number, column: number];

/** AssemblyScript's top level runs when the component is instantiated, so it throws here. */
function abortedError([message, file, line, column]: AbortReason): BuildError {
  return new BuildError({
    code: "TSK_BUILD_EVALUATION",
    attempted: "Cannot run the handler's top level",
    found: message,
    file,
    line,
    column,
  });
}

interface Glue {
  instantiate(getCoreModule: (name: string) => WebAssembly.Module, imports: Readonly<Record<string, unknown>>): unknown;
}

interface Described {
  describe(): { readonly callables: readonly string[] };
}

async function instantiate(component: Uint8Array, abort: (...reason: AbortReason) => void): Promise<Described> {
  const { files, imports } = await transpileBytes(component, {
    name: "component",
    instantiation: "sync",
    emitTypescriptDeclarations: false,
    wasiShim: false,
    nodejsCompat: false,
  });
  const text = new TextDecoder().decode(files["component.js"]);
  // The glue that jco wrote for `instantiation: "sync"` exports this one function.
  const glue: Glue = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const denied: Record<string, unknown> = Object.fromEntries(imports.map((name) => [name, deniedInterface(name)]));
  denied[ABORT] = { abort };
  const instance = glue.instantiate((name) => new WebAssembly.Module(bytesOf(files, name)), denied);
  const handler: unknown = Reflect.get(Object(instance), interfaceName("step-handler"));
  if (!isDescribed(handler)) throw new Error("it does not export step-handler");
  return handler;
}

function bytesOf(files: Readonly<Record<string, Uint8Array>>, name: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(files[name] ?? []);
}

function isDescribed(value: unknown): value is Described {
  return typeof value === "object" && value !== null && "describe" in value && typeof value.describe === "function";
}

/** Functions that refuse, resource classes that are never made: `describe` calls nothing. */
function deniedInterface(name: string): object {
  const refuse = (member: string) => (): never => {
    throw new Error(`describe called ${name}#${member}`);
  };
  return new Proxy(
    {},
    {
      get: (_target, member) =>
        typeof member === "symbol" ? undefined : /^[A-Z]/.test(member) ? DeniedResource : refuse(member),
    },
  );
}

/** Stands for a resource class; none is ever made. */
class DeniedResource {
  readonly denied = true;
}
