import type { PrepareLimits } from "../limits.ts";
import type { RecordedPlan } from "../link-plan.ts";

/** To the translate process; the component is the frame's blob. */
export interface TranslateRequest {
  readonly maxComponentBytes: number;
}

/** To the prepare process; the component is the frame's blob. */
export interface PrepareRequest {
  readonly recorded: RecordedPlan;
  readonly limits: PrepareLimits;
}

export function isTranslateRequest(head: unknown): head is TranslateRequest {
  return typeof head === "object" && head !== null && "maxComponentBytes" in head;
}

export function isPrepareRequest(head: unknown): head is PrepareRequest {
  return typeof head === "object" && head !== null && "recorded" in head && "limits" in head;
}
