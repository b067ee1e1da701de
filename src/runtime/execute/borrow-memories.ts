import type { Artifact } from "../artifact.ts";
import type { RunLimits } from "../limits.ts";
import type { Instantiation } from "../link-plan.ts";
import type { MemoryPool } from "./memory-pool.ts";
import { PAGE_BYTES } from "../prepare/meter/index.ts";

/** The linear memories of one instance: for each instantiation of the plan those of its module, in the module's order. */
export interface BorrowedMemories {
  readonly byInstantiation: readonly (readonly WebAssembly.Memory[])[];
  /** Only when nothing of the instance can run any more. */
  giveBack(): void;
}

interface Borrowed {
  readonly memory: WebAssembly.Memory;
  readonly minPages: number;
  readonly maxPages: number;
}

/**
 * Takes the memories that the plan needs, each able to grow as far as the run's limit and the module's own maximum allow.
 * Undefined where the process has no addresses left for one of them.
 */
export function borrowMemories(
  { plan, modules }: Artifact,
  limits: RunLimits,
  pool: MemoryPool,
): BorrowedMemories | undefined {
  const capPages = Math.floor(limits.maxMemoryBytes / PAGE_BYTES);
  const borrowed: Borrowed[] = [];
  const giveBack = (): void => {
    for (const { memory, minPages, maxPages } of borrowed) pool.giveBack(memory, minPages, maxPages);
  };
  const borrow = ({ module }: Instantiation): readonly WebAssembly.Memory[] => {
    const taken: WebAssembly.Memory[] = [];
    for (const { minPages, maxPages = capPages } of modules[module]?.memories ?? []) {
      const allowed = Math.min(maxPages, capPages);
      const memory = pool.take(minPages, allowed);
      borrowed.push({ memory, minPages, maxPages: allowed });
      taken.push(memory);
    }
    return taken;
  };
  try {
    return { byInstantiation: plan.instantiations.map(borrow), giveBack };
  } catch (error) {
    // V8 could not reserve the addresses; whatever else goes wrong here is a mistake.
    if (!(error instanceof RangeError)) throw error;
    giveBack();
    return undefined;
  }
}
