import { describe, expect, it } from "vitest";
import {
  FINAL_STEP_STATES,
  nextStepState,
  SATISFYING_STEP_STATES,
  STEP_STATES,
  STEP_TRANSITIONS,
} from "../../src/host/domain/step-states.ts";
import {
  isFinalTaskState,
  nextTaskState,
  TASK_STATES,
  TASK_TRANSITIONS,
  type TaskEvent,
} from "../../src/host/domain/task-states.ts";

describe("the task machine", () => {
  it("has twelve states, four of them final", () => {
    expect(TASK_STATES).toHaveLength(12);
    expect(TASK_STATES.filter(isFinalTaskState)).toEqual(["complete", "error", "cancelled", "resolved_manually"]);
  });

  it("lets operators cancel or resolve whatever is not final", () => {
    for (const state of TASK_STATES.filter((candidate) => !isFinalTaskState(candidate))) {
      expect(nextTaskState(state, "Cancel")).toBe("cancelled");
      expect(nextTaskState(state, "ResolveManually")).toBe("resolved_manually");
    }
  });

  it("follows a task to its end", () => {
    const events: TaskEvent[] = [
      "Start",
      "ReadyStepsFound",
      "StepsEnqueued",
      "StepCompleted",
      "NoDependenciesReady",
      "DependenciesReady",
      "AllStepsSuccessful",
    ];
    let state: ReturnType<typeof nextTaskState> = "pending";
    for (const event of events) state = state && nextTaskState(state, event);
    expect(state).toBe("complete");
    expect(nextTaskState("complete", "Start")).toBeUndefined();
  });

  it("reaches every state from pending", () => {
    expect(reachable("pending", TASK_TRANSITIONS)).toEqual(new Set(TASK_STATES));
  });
});

describe("the step machine", () => {
  it("has ten states, three of them final", () => {
    expect(STEP_STATES).toHaveLength(10);
    expect([...FINAL_STEP_STATES]).toEqual(["complete", "cancelled", "resolved_manually"]);
    expect([...SATISFYING_STEP_STATES]).toEqual(["complete", "resolved_manually"]);
  });

  it("starts once: nothing leads from in_progress to in_progress", () => {
    expect(nextStepState("enqueued", "Start")).toBe("in_progress");
    expect(nextStepState("in_progress", "Start")).toBeUndefined();
  });

  it("brings a failed step back through waiting and pending", () => {
    expect(nextStepState("enqueued_as_error_for_orchestration", "WaitForRetry")).toBe("waiting_for_retry");
    expect(nextStepState("waiting_for_retry", "Retry")).toBe("pending");
    expect(nextStepState("error", "ResetForRetry")).toBe("pending");
  });

  it("reaches every state from pending", () => {
    expect(reachable("pending", STEP_TRANSITIONS)).toEqual(new Set(STEP_STATES));
  });
});

function reachable(from: string, table: Readonly<Record<string, Readonly<Record<string, string>>>>): Set<string> {
  const seen = new Set([from]);
  for (const state of seen) for (const next of Object.values(table[state] ?? {})) seen.add(next);
  return seen;
}
