import type { RunReport } from "../../runtime/index.ts";

/** Who set a limit: the host's configuration, the namespace's grants, the host's ceiling over those, the step's template, or a fixture. */
export type LimitSetBy = "host" | "grants" | "ceiling" | "template" | "fixture";

/** The limits of a run that its outcome does not name, and who set those that it does. */
export interface LimitsInForce {
  readonly callable: string;
  readonly maxCallDepth: number;
  readonly setBy: {
    readonly fuel: LimitSetBy;
    readonly memory: LimitSetBy;
    readonly deadline: LimitSetBy;
    readonly result: LimitSetBy;
    readonly log: LimitSetBy;
  };
}

/** A run with what explains the limit that it may have hit; undefined for a native handler. */
export interface StepRun extends RunReport {
  readonly limits?: LimitsInForce | undefined;
}
