import { JointIndex } from "./joint-index.ts";
import { ChargePlacement } from "./place-charges.ts";
import { GuardPlacement } from "./place-guards.ts";

/** Where a body counts, and room to find that out in; one value for all bodies. */
export interface Placement {
  readonly index: JointIndex;
  readonly guards: GuardPlacement;
  readonly charges: ChargePlacement;
}

export function newPlacement(): Placement {
  return { index: new JointIndex(), guards: new GuardPlacement(), charges: new ChargePlacement() };
}
