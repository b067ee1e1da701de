import { jsonMembers } from "../../core/json-members.ts";
import type { CheckpointWords } from "../../runtime/index.ts";

/** Reads `workflow_steps.checkpoint` for the guest; cursor and accumulated results keep their spelling. */
export function parseCheckpoint(json: string): CheckpointWords {
  const members = jsonMembers(json);
  const accumulated = members.get("accumulated_results");
  return {
    cursorJson: members.get("cursor") ?? "null",
    itemsProcessed: Number(members.get("items_processed") ?? 0),
    accumulatedJson: accumulated === "null" ? undefined : accumulated,
  };
}

/**
 * The document that a yield adds to `workflow_steps.checkpoint`; Postgres keeps the history.
 * Key names are tasker-core's.
 */
export function checkpointText(checkpoint: CheckpointWords, nowMs: number): string {
  const timestamp = JSON.stringify(new Date(nowMs).toISOString());
  const accumulated = checkpoint.accumulatedJson ?? "null";
  return (
    `{"cursor":${checkpoint.cursorJson},"items_processed":${checkpoint.itemsProcessed},` +
    `"timestamp":${timestamp},"accumulated_results":${accumulated}}`
  );
}
