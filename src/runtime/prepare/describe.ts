import { quoted, refuse } from "../component/refuse.ts";
import type { Manifest } from "../artifact.ts";
import { AbiError } from "../execute/canonical-abi/abi-error.ts";
import type { CompiledComponent } from "../execute/compiled-component.ts";
import { type Ending, runGuest } from "../execute/guest-run.ts";
import { MemoryPool } from "../execute/memory-pool.ts";
import { manifestOf } from "../execute/values.ts";
import type { PrepareLimits, RunLimits } from "../limits.ts";

/** What the component says of itself, and the fuel that it took to say it. */
export interface Description {
  readonly manifest: Manifest;
  readonly fuel: number;
}

/** Go's runtime takes a clock that shows zero for a broken one and gives up. */
const DESCRIBE_TIME_MS = 1;

/** Calls `describe` once, within the budgets of an upload: always at the same time, seed zero, log lines go nowhere. */
export function describe(component: CompiledComponent, prepareLimits: PrepareLimits): Description {
  const limits = describeLimits(prepareLimits);
  const setting = { nowMs: DESCRIBE_TIME_MS, seed: 0n };
  const { context, ending } = runGuest(component, component.describe, () => [], limits, setting, new MemoryPool(0));
  const { state, meter } = context;
  if (state.stop !== undefined) failed(`it ended with ${quoted(state.stop.kind)}`);
  if (meter.stopped !== undefined) failed(`it ended with ${quoted(meter.stopped)}`);
  if (ending.kind !== "returned") failed(reasonOf(ending, limits));
  return { manifest: readManifest(ending), fuel: meter.fuelUsed };
}

function readManifest(ending: Extract<Ending, { kind: "returned" }>): Manifest {
  try {
    return manifestOf(ending.value);
  } catch (error) {
    if (error instanceof AbiError) failed(error.message);
    throw error;
  }
}

function reasonOf(ending: Exclude<Ending, { kind: "returned" }>, limits: RunLimits): string {
  if (ending.kind === "not-started") {
    if (ending.lacking === "memory") return `it starts with more than ${limits.maxMemoryBytes} bytes of memory`;
    if (ending.lacking === "fuel") return `it takes more than ${limits.fuel} units of fuel to start`;
    return "the process had no addresses left for a memory";
  }
  return `it ended with ${quoted(String(ending.error))}`;
}

function describeLimits({ describeFuel, describeMemoryBytes, timeoutMs }: PrepareLimits): RunLimits {
  return {
    fuel: describeFuel,
    maxMemoryBytes: describeMemoryBytes,
    maxCallDepth: 2_000,
    timeoutMs,
    maxResultBytes: 1_048_576,
    maxErrorBytes: 65_536,
    maxLogBytes: 65_536,
    maxHostCalls: 1_000,
  };
}

function failed(found: string): never {
  return refuse("TSK_COMPONENT_DESCRIBE_FAILED", found);
}
