/** Runs components through jco's own glue: an implementation of the component model that is not ours. */
import { readFile } from "node:fs/promises";
import { transpileBytes } from "@bytecodealliance/jco-transpile";

/** A run's log, and what `handle` returned, in jco's words. */
export interface Run {
  readonly outcome: RunOutcome;
  readonly logs: readonly (readonly [level: string, message: string, fields: string])[];
}

export type RunOutcome =
  | { readonly tag: "success"; readonly val: { result: string; metadata: string; attributes: [string, string][] } }
  | {
      readonly tag: "failure";
      readonly val: {
        message: string;
        errorType: string;
        errorCode?: string;
        retryable: boolean;
        statusCode?: number;
        retryAfterMs?: bigint;
        context: string;
        attributes: [string, string][];
      };
    }
  | {
      readonly tag: "checkpoint-yield";
      readonly val: { cursor: string; itemsProcessed: bigint; accumulated?: string };
    };

/** `step-context` as jco takes it. */
export interface RunContext {
  readonly callable: string;
  readonly context?: string;
  readonly inputs?: string;
  readonly config?: string;
  readonly attempt?: number;
  readonly maxAttempts?: number;
  readonly nowMs?: bigint;
  readonly seed?: bigint;
  readonly method?: string;
  readonly dependencyResults?: readonly { readonly stepName: string; readonly result: string }[];
  readonly checkpoint?: { readonly cursor: string; readonly itemsProcessed: bigint; readonly accumulated?: string };
  readonly attributes?: readonly (readonly [string, string])[];
}

export interface LoadedComponent {
  /** Runs one step on a fresh instance. A trap is thrown. */
  run(context: RunContext): Run;
  /** What `abort` was called with by the last run, if it was. */
  readonly aborts: readonly (readonly [message: string, file: string, line: number, column: number])[];
}

interface Glue {
  instantiate(
    getCoreModule: (name: string) => WebAssembly.Module,
    imports: Readonly<Record<string, unknown>>,
  ): {
    readonly stepHandler: { handle(context: unknown): RunOutcome };
  };
}

const DEFAULTS = {
  taskUuid: "0199aaaa-0000-7000-8000-000000000001",
  stepUuid: "0199aaaa-0000-7000-8000-000000000002",
  correlationId: "0199aaaa-0000-7000-8000-000000000003",
  namespace: "test",
  taskName: "a_task",
  taskVersion: "1.0.0",
  stepName: "a_step",
  templateStepName: "a_step",
  attempt: 1,
  maxAttempts: 3,
  nowMs: 1_764_000_000_000n,
  deadlineMs: 1_764_000_030_000n,
  seed: 42n,
  context: "{}",
  inputs: "{}",
  config: "{}",
  dependencyResults: [],
  attributes: [],
};

/** Transpiles and compiles the component at `path`. */
export async function loadComponent(path: string): Promise<LoadedComponent> {
  const { files, imports } = await transpileBytes(await readFile(path), {
    name: "component",
    instantiation: "sync",
    emitTypescriptDeclarations: false,
    wasiShim: false,
    nodejsCompat: false,
  });
  const text = new TextDecoder().decode(files["component.js"]);
  // The glue that jco writes for `instantiation: "sync"` exports `instantiate`, its shape that of the component's world.
  const glue: Glue = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const modules = new Map<string, WebAssembly.Module>();
  for (const [name, bytes] of Object.entries(files)) {
    if (name.endsWith(".wasm")) modules.set(name, new WebAssembly.Module(Uint8Array.from(bytes)));
  }
  const aborts: [string, string, number, number][] = [];
  return {
    aborts,
    run(context) {
      const logs: [string, string, string][] = [];
      const granted: Record<string, unknown> = Object.fromEntries(imports.map((name) => [name, deniedInterface(name)]));
      granted["tasker:handler/log"] = { log: (...line: [string, string, string]) => void logs.push(line) };
      granted["tasker:handler/abort"] = {
        abort: (...reason: [string, string, number, number]) => void aborts.push(reason),
      };
      const { stepHandler } = glue.instantiate((name) => found(modules, name), granted);
      return { outcome: stepHandler.handle({ ...DEFAULTS, ...context }), logs };
    },
  };
}

function found(modules: ReadonlyMap<string, WebAssembly.Module>, name: string): WebAssembly.Module {
  const module = modules.get(name);
  if (module === undefined) throw new Error(`no core module ${name}`);
  return module;
}

/** WASI that nobody may call. */
function deniedInterface(name: string): object {
  const refuse = (member: string) => (): never => {
    throw new Error(`the guest called ${name}#${member}`);
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
