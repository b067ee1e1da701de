/**
 * The component's side of `step-handler`: turns an author's handlers into `describe` and `handle`. No exception leaves
 * `handle`: the engines would make a bare trap of it.
 */
import type { Handlers } from "../handlers.ts";
import { NotJsonError, stringifyJson } from "../json/stringify-json.ts";
import { log, type LogSink, setLogSink } from "../log.ts";
import { CheckpointYield, Failure, Success } from "../outcome.ts";
import { contractFailure, failureOf, failureOfThrown, type WitFailure } from "./failure-of.ts";
import { drainJobs, drainOnlyByHandle, EnginePromise } from "./job-queue.ts";
import { startRunClock } from "./run-clock.ts";
import { RunContext } from "./run-context.ts";
import { StepPromise, takeUnhandled } from "./step-promise.ts";
import { warmUp } from "./warm-up.ts";
import type { WitContext } from "./wit-context.ts";

export interface WitManifest {
  readonly name: string;
  readonly version: string;
  readonly callables: readonly string[];
  readonly sdk: string;
}

export type WitOutcome =
  | { readonly tag: "success"; readonly val: { result: string; metadata: string; attributes: [string, string][] } }
  | {
      readonly tag: "failure";
      readonly val: WitFailure | (Omit<WitFailure, "retryAfterMs"> & { retryAfterMs: bigint });
    }
  | {
      readonly tag: "checkpoint-yield";
      readonly val: { cursor: string; itemsProcessed: number | bigint; accumulated: string | undefined };
    };

/** What differs between engines and components. */
export interface ServeOptions {
  readonly name: string;
  readonly version: string;
  readonly sdk: string;
  readonly log: LogSink;
  /** How the engine takes a u64. */
  readonly u64: "number" | "bigint";
  /** Whether the engine waits for a promise that `handle` returns: then handlers can await the engine's own promises. */
  readonly mayWait: boolean;
}

export interface StepHandler {
  describe(): WitManifest;
  handle(context: WitContext): WitOutcome | Promise<WitOutcome>;
}

/** Turns of the engine's queue to wait for an engine promise before the step counts as stuck. */
const ENGINE_TURNS = 1_000;

/** Makes `step-handler` of the author's default export. Throws where that is no result of `defineHandlers`. */
export function serve(handlers: unknown, options: ServeOptions): StepHandler {
  if (!isHandlers(handlers)) {
    throw new TypeError("Cannot serve the entry: its default export is not the result of defineHandlers(…)");
  }
  const manifest = {
    name: options.name,
    version: options.version,
    callables: Array.from(handlers.byCallable.keys()),
    sdk: options.sdk,
  };
  drainJobs();
  warmUp(handlers, (warm, context) => void runStep(warm, context, options));
  drainOnlyByHandle();
  setLogSink(options.log);
  return { describe: () => manifest, handle: (context) => runStep(handlers, context, options) };
}

function runStep(handlers: Handlers, context: WitContext, options: ServeOptions): WitOutcome | Promise<WitOutcome> {
  startRunClock(Number(context.nowMs), String(context.seed));
  const outcome = start(handlers, context);
  drainJobs();
  if (outcome.state === "pending" && options.mayWait) {
    return settledByTurns(outcome).then(() => finish(outcome, options.u64));
  }
  return finish(outcome, options.u64);
}

/** Starts the handler. What it returns or throws, at once or later, settles the promise. */
function start(handlers: Handlers, wit: WitContext): StepPromise<unknown> {
  return new StepPromise((resolve) => {
    const handler = handlers.byCallable.get(wit.callable);
    if (handler === undefined) {
      const known = Array.from(handlers.byCallable.keys(), (name) => `"${name}"`).join(", ");
      resolve(new Refusal("handler_not_found", `Cannot run callable "${wit.callable}": this component has ${known}`));
      return;
    }
    const context = new RunContext(wit, handler);
    // Checked before the handler runs, whether it looks at them or not.
    if (handler.input) void context.input;
    if (handler.config) void context.config;
    resolve(handler.run(context));
  });
}

/** A failure that is the SDK's own verdict. */
class Refusal {
  readonly errorType: string;
  readonly message: string;

  constructor(errorType: string, message: string) {
    this.errorType = errorType;
    this.message = message;
  }
}

/** Gives the engine's queue turns, and ours after each, until `outcome` is settled or it had enough of them. */
function settledByTurns(outcome: StepPromise<unknown>): Promise<void> {
  return new EnginePromise((resolve) => {
    const turn = (left: number): void => {
      drainJobs();
      if (outcome.state === "pending" && left > 0) void EnginePromise.resolve().then(() => turn(left - 1));
      else resolve();
    };
    turn(ENGINE_TURNS);
  });
}

function finish(outcome: StepPromise<unknown>, u64: ServeOptions["u64"]): WitOutcome {
  takeUnhandled(outcome).forEach(warnUnhandled);
  if (outcome.state === "fulfilled") return outcomeOf(outcome.value, u64);
  if (outcome.state === "rejected") return failed(failureOfThrown(outcome.value), u64);
  const message = "Cannot finish the step: the handler's promise never settles, nothing is left that could settle it";
  return failed(contractFailure("never_settled", message), u64);
}

function warnUnhandled(reason: unknown): void {
  const { message, errorType } = failureOfThrown(reason);
  log.warn(`A promise was rejected and nobody listened: ${message}`, { error_type: errorType });
}

function outcomeOf(value: unknown, u64: ServeOptions["u64"]): WitOutcome {
  try {
    if (value instanceof Refusal) return failed(contractFailure(value.errorType, value.message), u64);
    if (value instanceof Failure) return failed(failureOf(value), u64);
    if (value instanceof CheckpointYield) return yielded(value, u64);
    const { result, metadata } = value instanceof Success ? value : new Success(value, {});
    if (result === undefined) {
      const message = "Cannot finish the step: the handler returned nothing, wanted a result (null is one)";
      return failed(contractFailure("invalid_result", message), u64);
    }
    return {
      tag: "success",
      val: { result: stringifyJson(result), metadata: stringifyJson(metadata), attributes: [] },
    };
  } catch (error) {
    // A toJSON of the author's may throw anything else.
    if (!(error instanceof NotJsonError)) return failed(failureOfThrown(error), u64);
    return failed(contractFailure("invalid_result", `Cannot finish the step: its result holds ${error.found}`), u64);
  }
}

function yielded(progress: CheckpointYield, u64: ServeOptions["u64"]): WitOutcome {
  if (!Number.isSafeInteger(progress.itemsProcessed) || progress.itemsProcessed < 0) {
    const found = `itemsProcessed is ${String(progress.itemsProcessed)}`;
    return failed(contractFailure("invalid_result", `Cannot yield a checkpoint: ${found}, wanted 0 to 2^53 - 1`), u64);
  }
  return {
    tag: "checkpoint-yield",
    val: {
      cursor: stringifyJson(progress.cursor),
      itemsProcessed: u64 === "bigint" ? BigInt(progress.itemsProcessed) : progress.itemsProcessed,
      accumulated: progress.accumulated === undefined ? undefined : stringifyJson(progress.accumulated),
    },
  };
}

function failed(failure: WitFailure, u64: ServeOptions["u64"]): WitOutcome {
  const { retryAfterMs } = failure;
  if (u64 === "number" || retryAfterMs === undefined) return { tag: "failure", val: failure };
  return { tag: "failure", val: { ...failure, retryAfterMs: BigInt(retryAfterMs) } };
}

function isHandlers(value: unknown): value is Handlers {
  return typeof value === "object" && value !== null && "byCallable" in value && value.byCallable instanceof Map;
}
