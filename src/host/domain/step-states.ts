/** The states of a step, spelled as in `workflow_step_transitions`. No transition at all means `pending`. */
export const STEP_STATES = [
  "pending",
  "enqueued",
  "in_progress",
  "enqueued_for_orchestration",
  "enqueued_as_error_for_orchestration",
  "waiting_for_retry",
  "complete",
  "error",
  "cancelled",
  "resolved_manually",
] as const;
export type StepState = (typeof STEP_STATES)[number];

/** What can happen to a step. Names are tasker-core's. */
export type StepEventName =
  | "Enqueue"
  | "Start"
  | "EnqueueForOrchestration"
  | "EnqueueAsErrorForOrchestration"
  | "Complete"
  | "Fail"
  | "WaitForRetry"
  | "Retry"
  | "ResetForRetry"
  | "Cancel"
  | "CompleteManually"
  | "ResolveManually";

/** What operators may do to a step in any state, final ones included. */
const BY_HAND = { CompleteManually: "complete", ResolveManually: "resolved_manually" } as const;

/** From each state, what each event leads to. */
export const STEP_TRANSITIONS = {
  pending: {
    Enqueue: "enqueued",
    // A worker that starts a step which was never enqueued: Tasker keeps it for steps of older versions.
    Start: "in_progress",
    WaitForRetry: "waiting_for_retry",
    Fail: "error",
    Cancel: "cancelled",
    ...BY_HAND,
  },
  enqueued: {
    Start: "in_progress",
    WaitForRetry: "waiting_for_retry",
    Fail: "error",
    Cancel: "cancelled",
    ...BY_HAND,
  },
  in_progress: {
    EnqueueForOrchestration: "enqueued_for_orchestration",
    EnqueueAsErrorForOrchestration: "enqueued_as_error_for_orchestration",
    WaitForRetry: "waiting_for_retry",
    Fail: "error",
    Cancel: "cancelled",
    ...BY_HAND,
  },
  enqueued_for_orchestration: { Complete: "complete", Fail: "error", Cancel: "cancelled", ...BY_HAND },
  enqueued_as_error_for_orchestration: {
    WaitForRetry: "waiting_for_retry",
    Fail: "error",
    Complete: "complete",
    Cancel: "cancelled",
    ...BY_HAND,
  },
  waiting_for_retry: { Retry: "pending", Cancel: "cancelled", ...BY_HAND },
  error: { ResetForRetry: "pending", Retry: "pending", Cancel: "cancelled", ...BY_HAND },
  complete: BY_HAND,
  cancelled: BY_HAND,
  resolved_manually: BY_HAND,
} as const satisfies Record<StepState, Partial<Record<StepEventName, StepState>>>;

/** Final unless an operator steps in. `error` is not among them: a reset brings it back. */
export const FINAL_STEP_STATES: ReadonlySet<StepState> = new Set(["complete", "cancelled", "resolved_manually"]);

/** What the steps after this one wait for. */
export const SATISFYING_STEP_STATES: ReadonlySet<StepState> = new Set(["complete", "resolved_manually"]);

/** Where `event` leads from `state`; undefined where it may not happen. */
export function nextStepState(state: StepState, event: StepEventName): StepState | undefined {
  const events: Partial<Record<StepEventName, StepState>> = STEP_TRANSITIONS[state];
  return events[event];
}
