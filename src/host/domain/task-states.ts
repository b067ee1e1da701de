/** The states of a task, spelled as in `task_transitions`. */
export const TASK_STATES = [
  "pending",
  "initializing",
  "enqueuing_steps",
  "steps_in_process",
  "evaluating_results",
  "waiting_for_dependencies",
  "waiting_for_retry",
  "blocked_by_failures",
  "complete",
  "error",
  "cancelled",
  "resolved_manually",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** What can happen to a task. Names are tasker-core's. */
export type TaskEvent =
  | "Start"
  | "ReadyStepsFound"
  | "NoStepsFound"
  | "NoDependenciesReady"
  | "StepsEnqueued"
  | "EnqueueFailed"
  | "AllStepsCompleted"
  | "StepCompleted"
  | "StepFailed"
  | "AllStepsSuccessful"
  | "PermanentFailure"
  | "DependenciesReady"
  | "RetryReady"
  | "GiveUp"
  | "ManualResolution"
  | "Complete"
  | "Fail"
  | "Cancel"
  | "ResolveManually";

/** From each state, what each event leads to. A state without events is final. */
export const TASK_TRANSITIONS = {
  pending: { Start: "initializing", Cancel: "cancelled", ResolveManually: "resolved_manually" },
  initializing: {
    ReadyStepsFound: "enqueuing_steps",
    NoStepsFound: "complete",
    NoDependenciesReady: "waiting_for_dependencies",
    Cancel: "cancelled",
    ResolveManually: "resolved_manually",
  },
  enqueuing_steps: {
    StepsEnqueued: "steps_in_process",
    EnqueueFailed: "error",
    Cancel: "cancelled",
    ResolveManually: "resolved_manually",
  },
  steps_in_process: {
    AllStepsCompleted: "evaluating_results",
    StepCompleted: "evaluating_results",
    StepFailed: "waiting_for_retry",
    // These two skip the evaluation; Tasker keeps them for tasks of older versions.
    Complete: "complete",
    Fail: "error",
    Cancel: "cancelled",
    ResolveManually: "resolved_manually",
  },
  evaluating_results: {
    AllStepsSuccessful: "complete",
    ReadyStepsFound: "enqueuing_steps",
    NoDependenciesReady: "waiting_for_dependencies",
    PermanentFailure: "blocked_by_failures",
    Cancel: "cancelled",
    ResolveManually: "resolved_manually",
  },
  waiting_for_dependencies: {
    DependenciesReady: "evaluating_results",
    Cancel: "cancelled",
    ResolveManually: "resolved_manually",
  },
  waiting_for_retry: { RetryReady: "enqueuing_steps", Cancel: "cancelled", ResolveManually: "resolved_manually" },
  blocked_by_failures: {
    GiveUp: "error",
    ManualResolution: "resolved_manually",
    Cancel: "cancelled",
    ResolveManually: "resolved_manually",
  },
  complete: {},
  error: {},
  cancelled: {},
  resolved_manually: {},
} as const satisfies Record<TaskState, Partial<Record<TaskEvent, TaskState>>>;

/** Where `event` leads from `state`; undefined where it may not happen. */
export function nextTaskState(state: TaskState, event: TaskEvent): TaskState | undefined {
  const events: Partial<Record<TaskEvent, TaskState>> = TASK_TRANSITIONS[state];
  return events[event];
}

/** Nothing happens to the task any more. */
export function isFinalTaskState(state: TaskState): boolean {
  return Object.keys(TASK_TRANSITIONS[state]).length === 0;
}
