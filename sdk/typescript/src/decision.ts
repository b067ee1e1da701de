import { success, type Success } from "./outcome.ts";

/** The result of a `decision` step, as orchestration reads it. */
export interface DecisionResult {
  readonly decision_point_outcome:
    | { readonly type: "no_branches" }
    | { readonly type: "create_steps"; readonly step_names: readonly string[] };
  readonly routing_context?: Readonly<Record<string, unknown>>;
}

/** Chooses the steps that come next. `routing` is kept in the result, for the steps after it and for people. */
export function createSteps(
  stepNames: readonly string[],
  routing?: Readonly<Record<string, unknown>>,
): Success<DecisionResult> {
  return decided({ type: "create_steps", step_names: stepNames }, routing);
}

/** Chooses none: the workflow goes on without the decision's branches. */
export function noBranches(routing?: Readonly<Record<string, unknown>>): Success<DecisionResult> {
  return decided({ type: "no_branches" }, routing);
}

function decided(
  outcome: DecisionResult["decision_point_outcome"],
  routing: Readonly<Record<string, unknown>> | undefined,
): Success<DecisionResult> {
  return success({ decision_point_outcome: outcome, ...(routing && { routing_context: routing }) });
}
