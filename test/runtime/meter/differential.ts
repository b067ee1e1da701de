import { createHash } from "node:crypto";
import { instantiateMetered } from "./metered-instance.ts";

/** All that can be seen of a module's run from outside. */
export interface Observation {
  /** What each export did, what the host was told meanwhile, and what the memories and globals held at the end. */
  readonly events: readonly string[];
  /** The stack overflowed somewhere: where exactly is V8's own business. */
  readonly overflowed: boolean;
  /** Fuel after each call; empty for a plain run. */
  readonly fuel: readonly number[];
}

const MOST_NESTED_CALLS = 3;
const DEPTH = 2_500;

/** Runs every export of one of binaryen's fuzzing modules, as it is. */
export function observePlain(bytes: Uint8Array<ArrayBuffer>): Observation {
  return observe((imports) => ({
    exports: new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports,
    overflowed: () => false,
    fuelUsed: () => undefined,
  }));
}

/** The same, metered, with budgets that are no limit. */
export function observeMetered(bytes: Uint8Array<ArrayBuffer>): Observation {
  return observe((imports) => {
    const run = instantiateMetered(bytes, { imports, fuel: 2 ** 46, callDepth: DEPTH, bytes: 2 ** 40 });
    return {
      exports: run.exports,
      overflowed: () => run.stopped() === "stack-exhausted",
      fuelUsed: () => run.fuelUsed(),
    };
  });
}

interface Subject {
  readonly exports: WebAssembly.Instance["exports"];
  overflowed(): boolean;
  fuelUsed(): number | undefined;
}

function observe(instantiate: (imports: WebAssembly.Imports) => Subject): Observation {
  const events: string[] = [];
  const fuel: number[] = [];
  let overflowed = false;
  let subject: Subject | undefined;
  let nested = 0;

  const attempt = (what: string, work: () => unknown): void => {
    try {
      events.push(`${what}: ${shown(work())}`);
    } catch (error) {
      if (error instanceof RangeError) overflowed = true;
      events.push(`${what}: ${thrown(error)}`);
    }
    if (subject?.overflowed()) overflowed = true;
    const used = subject?.fuelUsed();
    if (used !== undefined) fuel.push(used);
  };
  const functions = (): (readonly [name: string, exported: (...args: unknown[]) => unknown])[] =>
    Object.entries(subject?.exports ?? {}).flatMap(([name, value]) =>
      typeof value === "function" ? [[name, value] as const] : [],
    );
  const callExport = (index: unknown): unknown => {
    const found = functions()[Number(index) >>> 0];
    if (found === undefined || nested >= MOST_NESTED_CALLS) return 0;
    nested += 1;
    try {
      return found[1]();
    } finally {
      nested -= 1;
    }
  };
  const log = (...values: readonly unknown[]): void => {
    events.push(`log ${values.map(shown).join()}`);
  };
  const support: Record<string, WebAssembly.ImportValue> = {
    "log-i32": log,
    "log-i64": log,
    "log-f32": log,
    "log-f64": log,
    "log-v128": log,
    throw: (value) => {
      throw value === 0 ? exception(jsTag, {}) : exception(wasmTag, value);
    },
    "table-get": () => null,
    "table-set": () => undefined,
    "call-export": (index) => void callExport(index),
    "call-export-catch": (index) => caught(() => callExport(index)),
    // A host of metered modules takes no function out of a guest.
    "call-ref": log.bind(undefined, "call-ref"),
    "call-ref-catch": () => 0,
    sleep: (_ms, id) => id,
    wasmtag: wasmTag,
    jstag: jsTag,
  };

  attempt("instantiate", () => {
    subject = instantiate({ "fuzzing-support": support, __fuzz_import: EXTERNALS });
    return "ok";
  });
  for (const [name, exported] of functions()) {
    if (overflowed) break;
    attempt(name, () => exported());
  }
  for (const [name, value] of Object.entries(subject?.exports ?? {})) events.push(`${name} holds ${state(value)}`);
  return { events, overflowed, fuel };
}

/** What `call-export-catch` answers. A trap ends the run; only what a guest may catch anyway becomes a value. */
function caught(work: () => unknown): number {
  try {
    work();
    return 0;
  } catch (error) {
    if (error instanceof WebAssembly.Exception || !(error instanceof Error)) return 1;
    throw error;
  }
}

/** Globals of type externref, by whatever name. */
const EXTERNALS = new Proxy<Record<string, WebAssembly.ImportValue>>({}, { get: () => "an external" });

const wasmTag = new WebAssembly.Tag({ parameters: ["i32"] });
const jsTag = new WebAssembly.Tag({ parameters: ["externref"] });

function exception(tag: WebAssembly.Tag, value: unknown): unknown {
  return Reflect.construct(WebAssembly.Exception, [tag, [value]]);
}

function state(value: WebAssembly.ExportValue): string {
  if (value instanceof WebAssembly.Memory) {
    return `${value.buffer.byteLength} bytes ${createHash("sha1").update(new Uint8Array(value.buffer)).digest("hex")}`;
  }
  if (value instanceof WebAssembly.Global) {
    try {
      return shown(value.value);
    } catch {
      return "what JavaScript cannot see";
    }
  }
  if (value instanceof WebAssembly.Table) return `${value.length} entries`;
  return typeof value;
}

function shown(value: unknown): string {
  if (typeof value === "function") return "function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? value.map(shown).join() : "object";
  return Object.is(value, -0) ? "-0" : String(value);
}

function thrown(error: unknown): string {
  if (error instanceof WebAssembly.Exception) return "an exception";
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  return `thrown ${shown(error)}`;
}
