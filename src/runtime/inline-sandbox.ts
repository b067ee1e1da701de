import { TaskerError } from "../core/errors/index.ts";
import { checkReport } from "./check-report.ts";
import { type CompiledComponent, compileComponent } from "./execute/compiled-component.ts";
import { MemoryPool } from "./execute/memory-pool.ts";
import { SourceMap } from "./execute/source-frames.ts";
import { runStep } from "./execute/run-step.ts";
import type { RunReport } from "./outcome.ts";
import type { RunRequest, Sandbox } from "./sandbox.ts";

const IDLE_MEMORY_BYTES = 67_108_864;

/**
 * A sandbox without a process of its own, for tests and tools: metered and limited like the other, but without a deadline
 * and without a wall of the operating system. Not for components of others.
 */
export function createInlineSandbox(): Sandbox {
  return new InlineSandbox();
}

class InlineSandbox implements Sandbox {
  readonly #pool = new MemoryPool(IDLE_MEMORY_BYTES);
  readonly #components = new Map<string, CompiledComponent>();
  #stopped = false;

  get pending(): number {
    return 0;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#components.clear();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  run(request: RunRequest): Promise<RunReport> {
    if (this.#stopped) return Promise.reject(stoppedError());
    const { context, limits } = request;
    request.onStarted?.();
    const sourceMap = request.sourceMap === undefined ? undefined : new SourceMap(request.sourceMap);
    return Promise.resolve(
      checkReport(runStep({ component: this.#compiled(request), context, limits, sourceMap }, this.#pool), limits),
    );
  }

  #compiled({ artifact }: RunRequest): CompiledComponent {
    const known = this.#components.get(artifact.digest);
    if (known !== undefined) return known;
    const compiled = compileComponent(artifact);
    this.#components.set(artifact.digest, compiled);
    return compiled;
  }
}

/** What `run` rejects with after `stop`. */
export function stoppedError(): TaskerError {
  return new TaskerError("TSK_SANDBOX_STOPPED", { attempted: "Cannot run a step", found: "the sandbox was stopped" });
}
