import type { Artifact } from "../artifact.ts";

/** What an instance has taken of its budgets before any code of the guest runs. */
export interface StartCost {
  /** Of memories and tables. */
  readonly bytes: number;
  readonly fuel: number;
}

export function startCost({ plan, modules }: Artifact): StartCost {
  let bytes = 0;
  let fuel = 0;
  for (const { module } of plan.instantiations) {
    bytes += modules[module]?.initialBytes ?? 0;
    fuel += modules[module]?.instantiationFuel ?? 0;
  }
  return { bytes, fuel };
}
