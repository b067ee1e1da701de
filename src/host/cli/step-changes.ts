import type { StepAnswer } from "./api-answers.ts";
import { orderDag } from "./dag-order.ts";
import type { TaskSnapshot } from "./dag-view.ts";

export interface StepChange {
  readonly step: StepAnswer;
  /** Undefined for a step seen for the first time. */
  readonly from: string | undefined;
}

/** The steps whose state or attempt differs between two looks at a task, in dependency order. */
export function stepChanges(before: TaskSnapshot | undefined, now: TaskSnapshot): readonly StepChange[] {
  const old = new Map(before?.steps.map((step) => [step.name, step]));
  const steps = new Map(now.steps.map((step) => [step.name, step]));
  return orderDag(now.steps.map(({ name, depends_on: dependsOn }) => ({ name, dependsOn }))).flatMap(({ name }) => {
    const step = steps.get(name);
    const then = old.get(name);
    if (step === undefined) return [];
    const same = then?.current_state === step.current_state && then.attempts === step.attempts;
    return same ? [] : [{ step, from: then?.current_state }];
  });
}
