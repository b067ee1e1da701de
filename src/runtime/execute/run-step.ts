/**
 * One step on a fresh instance: budgets set → recycled memories → replay of the plan → lower → call → lift →
 * post-return → read budgets → classify. The instance dies with the run; the memories go back to the pool, zeroed.
 */
import type { RunLimits } from "../limits.ts";
import type { RunReport } from "../outcome.ts";
import type { StepContext } from "../step-context.ts";
import { classify } from "./classify.ts";
import type { CompiledComponent } from "./compiled-component.ts";
import { runGuest } from "./guest-run.ts";
import type { MemoryPool } from "./memory-pool.ts";
import type { SourceMap } from "./source-frames.ts";
import { stepContextValue } from "./values.ts";

export interface StepRun {
  readonly component: CompiledComponent;
  readonly context: StepContext;
  /** Of the component's source, where it is known. */
  readonly sourceMap: SourceMap | undefined;
  /** All but the deadline hold inside the process; that one is the business of whoever watches the process. */
  readonly limits: RunLimits;
}

/** Runs `handle` on a fresh instance. What the guest does is in the report; an exception is the host's own failure. */
export function runStep({ component, context, limits, sourceMap }: StepRun, pool: MemoryPool): RunReport {
  const startedAt = performance.now();
  const setting = { nowMs: context.nowMs, seed: BigInt(context.seed) };
  const run = runGuest(component, component.handle, () => [stepContextValue(context)], limits, setting, pool);
  const outcome = classify(run, limits, { map: sourceMap, artifact: component.artifact });
  const { meter, state } = run.context;
  return {
    outcome,
    usage: {
      fuelUsed: outcome.kind === "out-of-fuel" ? limits.fuel : meter.fuelUsed,
      peakMemoryBytes: meter.memoryUsed,
      durationMs: performance.now() - startedAt,
    },
    logs: state.logs,
  };
}
