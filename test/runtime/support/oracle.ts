/** The same component through jco's own glue and preview2-shim: what our plan replay and canonical ABI are compared with. */
import { generate, $init } from "@bytecodealliance/jco-transpile/component";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";
import type { LogLine, Outcome, StepContext } from "../../../src/runtime/index.ts";

type Handle = (context: unknown) => unknown;

/** What a host answers in place of preview2-shim: functions and classes by interface name without version. */
export type HostInterfaces = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** `handle` of a fresh instance, with log lines collected. `host` stands in for interfaces of preview2-shim, made anew for each run. */
export async function oracleOf(
  component: Uint8Array,
  host: (context: StepContext, logs: LogLine[]) => HostInterfaces = () => ({}),
): Promise<(context: StepContext) => OracleRun> {
  await $init;
  const { files } = generate(component, {
    name: "component",
    map: [],
    instantiation: { tag: "sync" },
    noTypescript: true,
    noNodejsCompat: true,
    base64Cutoff: 0,
  });
  const named = new Map(files);
  const glue = Buffer.from(named.get("component.js") ?? []).toString("base64");
  const { instantiate } = await import(/* @vite-ignore */ `data:text/javascript;base64,${glue}`);
  const modules = new Map<string, WebAssembly.Module>();
  const module = (path: string): WebAssembly.Module => {
    const known = modules.get(path) ?? new WebAssembly.Module(Uint8Array.from(named.get(path) ?? []));
    modules.set(path, known);
    return known;
  };
  return (context) => {
    const logs: LogLine[] = [];
    let aborted: unknown;
    const imports = {
      ...new WASIShim().getImportObject(),
      "tasker:handler/log": {
        log: (level: LogLine["level"], message: string, fieldsJson: string) =>
          void logs.push({ level, message, fieldsJson }),
      },
      "tasker:handler/abort": { abort: (message: string) => void (aborted ??= abortFailure(message)) },
      "tasker:handler/types": {},
      ...host(context, logs),
    };
    try {
      const handle: Handle = instantiate(module, versioned(imports)).stepHandler.handle;
      return { outcome: handle(guestContext(context)), logs };
    } catch (error) {
      if (aborted !== undefined) return { outcome: aborted, logs };
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) return { outcome: TRAP, logs };
      throw error;
    }
  };
}

export interface OracleRun {
  readonly outcome: unknown;
  readonly logs: readonly LogLine[];
}

/** The oracle's outcome of a run that ended in a trap. */
const TRAP = { tag: "trap" };

function abortFailure(message: string): unknown {
  return {
    tag: "failure",
    val: { message, errorType: "handler_error", retryable: true, context: "{}", attributes: [] },
  };
}

/** jco asks for some interfaces with their version and for some without. */
function versioned(imports: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = new Map(Object.entries(imports).map(([name, value]) => [name.replace(/@.*/, ""), value]));
  return new Proxy({}, { get: (_, name) => known.get(String(name).replace(/@.*/, "")) });
}

function guestContext(context: StepContext): unknown {
  const { contextJson, inputsJson, configJson, dependencyResults, checkpoint, seed, nowMs, deadlineMs, ...same } =
    context;
  return {
    ...same,
    nowMs: BigInt(nowMs),
    deadlineMs: BigInt(deadlineMs),
    seed: BigInt(seed),
    context: contextJson,
    inputs: inputsJson,
    config: configJson,
    dependencyResults: dependencyResults.map(({ stepName, resultJson }) => ({ stepName, result: resultJson })),
    checkpoint:
      checkpoint === undefined
        ? undefined
        : {
            cursor: checkpoint.cursorJson,
            itemsProcessed: BigInt(checkpoint.itemsProcessed),
            accumulated: checkpoint.accumulatedJson,
          },
  };
}

/** An outcome of ours in the oracle's shape. What only we know (backtraces, messages of traps) is left out. */
export function asOracle(outcome: Outcome): unknown {
  if (outcome.kind === "success") {
    const { resultJson, metadataJson, attributes } = outcome;
    return { tag: "success", val: { result: resultJson, metadata: metadataJson, attributes } };
  }
  if (outcome.kind === "failure") {
    const { contextJson, backtrace: _, kind: tag, retryAfterMs, ...same } = outcome;
    const retry = retryAfterMs === undefined ? undefined : BigInt(retryAfterMs);
    return { tag, val: { ...same, retryAfterMs: retry, context: contextJson } };
  }
  if (outcome.kind === "checkpoint-yield") {
    const { cursorJson, itemsProcessed, accumulatedJson, kind: tag } = outcome;
    return { tag, val: { cursor: cursorJson, itemsProcessed: BigInt(itemsProcessed), accumulated: accumulatedJson } };
  }
  return outcome.kind === "trap" ? TRAP : outcome;
}
