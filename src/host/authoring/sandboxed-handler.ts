/**
 * A built handler in the real sandbox: prepared as an upload is, run in a process of its own with fuel, memory and a
 * deadline, on a context that a fixture or a test gives.
 */
import { readFile } from "node:fs/promises";
import { TaskerError } from "../../core/errors/index.ts";
import { silentLogger } from "../../core/logger.ts";
import type { Service } from "../../core/service.ts";
import {
  type Artifact,
  createProcessSandbox,
  prepareComponent,
  type Sandbox,
  type StepContext,
} from "../../runtime/index.ts";
import type { HostConfig } from "../config/schema.ts";
import type { LimitsInForce, LimitSetBy, StepRun } from "../domain/step-run.ts";
import { nearestName } from "../domain/nearest-name.ts";
import type { FixtureStep } from "./fixture.ts";

/** What a build left on disk. */
export interface BuiltHandler {
  readonly wasmPath: string;
  readonly sourceMapPath: string;
}

/** A component that passed the gate. */
export interface SandboxedHandler {
  readonly artifact: Artifact;
  readonly sourceMap: string;
}

/** Prepares components and runs their steps, with the limits of the configuration. */
export class AuthorsSandbox implements Service {
  readonly #config: Pick<HostConfig, "sandbox" | "stepProcessing">;
  readonly #sandbox: Sandbox;

  constructor(config: Pick<HostConfig, "sandbox" | "stepProcessing">) {
    this.#config = config;
    this.#sandbox = createProcessSandbox({
      namespace: "test",
      maxProcesses: 1,
      idleStopMs: config.sandbox.idleStopSeconds * 1_000,
      maxResidentBytes: config.sandbox.maxProcessResidentBytes,
      logger: silentLogger,
    });
  }

  start(): Promise<void> {
    return this.#sandbox.start();
  }

  stop(): Promise<void> {
    return this.#sandbox.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** @throws TSK_COMPONENT_… where the gate refuses the component */
  async prepare({ wasmPath, sourceMapPath }: BuiltHandler): Promise<SandboxedHandler> {
    const { timeoutSeconds, ...limits } = this.#config.sandbox.prepare;
    const bytes = new Uint8Array(await readFile(wasmPath));
    const artifact = await prepareComponent(bytes, { ...limits, timeoutMs: timeoutSeconds * 1_000 });
    return { artifact, sourceMap: await readFile(sourceMapPath, "utf8") };
  }

  /** Runs one step on a fresh instance. @throws TSK_FIXTURE_CALLABLE_UNKNOWN */
  async run({ artifact, sourceMap }: SandboxedHandler, step: FixtureStep): Promise<StepRun> {
    refuseUnknownCallable(artifact, step.callable);
    const { limits } = this.#config.sandbox;
    const timeoutMs = step.limits.timeoutMs ?? this.#config.stepProcessing.defaultTimeoutSeconds * 1_000;
    const report = await this.#sandbox.run({
      artifact,
      sourceMap,
      context: stepContext(step, timeoutMs),
      limits: {
        ...limits,
        fuel: step.limits.fuel ?? limits.fuel,
        maxMemoryBytes: step.limits.memoryBytes ?? limits.maxMemoryBytes,
        timeoutMs,
      },
    });
    return { ...report, limits: limitsInForce(step, limits.maxCallDepth) };
  }
}

function setBy(own: number | undefined): LimitSetBy {
  return own === undefined ? "host" : "fixture";
}

function limitsInForce({ callable, limits }: FixtureStep, maxCallDepth: number): LimitsInForce {
  return {
    callable,
    maxCallDepth,
    setBy: {
      fuel: setBy(limits.fuel),
      memory: setBy(limits.memoryBytes),
      deadline: limits.timeoutMs === undefined ? "template" : "fixture",
      result: "host",
      log: "host",
    },
  };
}

function refuseUnknownCallable({ manifest }: Artifact, callable: string): void {
  if (manifest.callables.includes(callable)) return;
  const nearest = nearestName(callable, manifest.callables);
  throw new TaskerError("TSK_FIXTURE_CALLABLE_UNKNOWN", {
    attempted: `Cannot run "${callable}" of handler "${manifest.name}"`,
    found: `no such callable${nearest === undefined ? "" : `, did you mean "${nearest}"`}`,
    accepted: manifest.callables.map((name) => `"${name}"`).join(", "),
  });
}

/** The guest's view of a step that no task has: always the same, so that fuel is the same. */
function stepContext(step: FixtureStep, timeoutMs: number): StepContext {
  const stepName = step.callable.replace(/^.*\./, "");
  return {
    taskUuid: "00000000-0000-7000-8000-000000000001",
    stepUuid: "00000000-0000-7000-8000-000000000002",
    correlationId: "00000000-0000-7000-8000-000000000003",
    namespace: "test",
    taskName: "fixture",
    taskVersion: "1.0.0",
    stepName,
    templateStepName: stepName,
    callable: step.callable,
    method: step.method,
    attempt: step.attempt,
    maxAttempts: step.maxAttempts,
    nowMs: step.nowMs,
    deadlineMs: step.nowMs + timeoutMs,
    seed: String(step.seed),
    contextJson: step.contextJson,
    inputsJson: step.inputsJson,
    configJson: step.configJson,
    dependencyResults: step.dependencies.map(([name, resultJson]) => ({ stepName: name, resultJson })),
    checkpoint: step.checkpoint,
    attributes: [],
  };
}
