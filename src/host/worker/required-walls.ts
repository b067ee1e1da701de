import { TaskerError } from "../../core/errors/index.ts";
import type { Wall } from "../../runtime/index.ts";

/** @throws TSK_SANDBOX_WALL_MISSING where a wall that `sandbox.require` names is not in force. */
export function refuseMissingWalls(walls: readonly Wall[], required: readonly string[]): void {
  const missing = walls.filter(({ name, inForce }) => required.includes(name) && !inForce);
  if (missing.length === 0) return;
  throw new TaskerError("TSK_SANDBOX_WALL_MISSING", {
    attempted: "Cannot start with the walls that sandbox.require names",
    found: missing.map(({ name, reason }) => `"${name}" is missing: ${reason}`).join("; "),
    accepted: "a machine and a user with which they stand",
    details: { missing: missing.map(({ name }) => name) },
  });
}
