import { fileURLToPath } from "node:url";
import { buildHandler } from "@tasker-host/toolchain";
import { afterAll } from "vitest";
import {
  AuthorsSandbox,
  type ExactValue,
  type FixtureStep,
  isObject,
  jsonTextOf,
  loadConfig,
  outcomeValue,
  type SandboxedHandler,
  SpelledNumber,
} from "../../../src/host/authoring/index.ts";

/** What a step is given; what is left out is `{}`, the first attempt of three, 2026-01-01, seed 1. */
export interface StepInput {
  /** The task's context: `step.input`. */
  readonly context?: unknown;
  /** Results of earlier steps by step name. */
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly config?: unknown;
  readonly stepInputs?: unknown;
  readonly method?: string;
  /** From 1. */
  readonly attempt?: number;
  readonly maxAttempts?: number;
  readonly now?: Date;
  readonly seed?: number;
  readonly checkpoint?: { readonly cursor: unknown; readonly itemsProcessed: number; readonly accumulated?: unknown };
  readonly limits?: { readonly fuel?: number; readonly memoryBytes?: number; readonly timeoutMs?: number };
}

/** A run that ended, one way or another: failures, traps and limits are outcomes, not exceptions. */
export interface HandlerRun {
  /**
   * As in fixtures: `{ outcome: "success", result }`, `{ outcome: "failure", message, error_type, retryable, … }`,
   * `{ outcome: "out-of-fuel", limit }`, … Integers beyond 2^53 are bigints.
   */
  readonly outcome: Readonly<Record<string, unknown>> & { readonly outcome: string };
  readonly logs: readonly { readonly level: string; readonly message: string; readonly fields: unknown }[];
  /** Frames of the author's source, innermost first. */
  readonly backtrace: readonly string[];
  /** Exact, the same on every machine. */
  readonly fuel: number;
  readonly peakMemoryBytes: number;
  readonly durationMs: number;
}

/** A built handler in the sandbox. */
export interface HandlerUnderTest {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the component. */
  readonly digest: string;
  readonly callables: readonly string[];
  /** Runs one step on a fresh instance. Rejects for a callable that the handler does not serve. */
  run(callable: string, input?: StepInput): Promise<HandlerRun>;
}

/**
 * Builds the handler in `folder` (one with a `handler.toml`) where its sources changed, and makes it ready to run; the sandbox
 * ends with the test file. Rejects with what is wrong with the handler.
 */
export async function loadHandler(folder: string | URL): Promise<HandlerUnderTest> {
  const report = await buildHandler(typeof folder === "string" ? folder : fileURLToPath(folder));
  const sandbox = new AuthorsSandbox(loadConfig({ env: process.env }).config);
  afterAll(() => sandbox.stop());
  const handler = await sandbox.prepare(report);
  return {
    name: report.name,
    version: report.version,
    digest: report.digest,
    callables: report.callables,
    run: (callable, input = {}) => run(callable, input, handler, sandbox),
  };
}

async function run(
  callable: string,
  input: StepInput,
  handler: SandboxedHandler,
  sandbox: AuthorsSandbox,
): Promise<HandlerRun> {
  const { outcome, logs, usage } = await sandbox.run(handler, stepOf(callable, input));
  return {
    outcome: { ...membersOf(outcomeValue(outcome)), outcome: outcome.kind },
    logs: logs.map(({ level, message, fieldsJson }) => ({
      level,
      message,
      fields: fieldsJson === "" ? {} : JSON.parse(fieldsJson),
    })),
    backtrace: ("backtrace" in outcome ? outcome.backtrace : undefined) ?? [],
    fuel: usage.fuelUsed,
    peakMemoryBytes: usage.peakMemoryBytes,
    durationMs: usage.durationMs,
  };
}

function stepOf(callable: string, input: StepInput): FixtureStep {
  const { checkpoint, limits } = input;
  return {
    callable,
    contextJson: jsonTextOf(input.context ?? {}),
    inputsJson: jsonTextOf(input.stepInputs ?? {}),
    configJson: jsonTextOf(input.config ?? {}),
    dependencies: Object.entries(input.dependencies ?? {}).map(([name, result]) => [name, jsonTextOf(result)]),
    method: input.method,
    attempt: input.attempt ?? 1,
    maxAttempts: input.maxAttempts ?? 3,
    nowMs: (input.now ?? new Date("2026-01-01T00:00:00Z")).getTime(),
    seed: input.seed ?? 1,
    checkpoint: checkpoint && {
      cursorJson: jsonTextOf(checkpoint.cursor),
      itemsProcessed: checkpoint.itemsProcessed,
      accumulatedJson: checkpoint.accumulated === undefined ? undefined : jsonTextOf(checkpoint.accumulated),
    },
    limits: limits ?? {},
  };
}

function membersOf(object: { readonly [key: string]: ExactValue }): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, plainValue(value)]));
}

/** Values that tests can be compared with: numbers beyond a double are bigints, or their text where they are no integers. */
function plainValue(value: ExactValue): unknown {
  if (value instanceof SpelledNumber) return /^-?\d+$/.test(value.text) ? BigInt(value.text) : value.text;
  if (Array.isArray(value)) return value.map((item: ExactValue) => plainValue(item));
  return isObject(value) ? membersOf(value) : value;
}
