import { isPermitted, type Principal } from "../domain/principal.ts";
import { RawJson } from "../orchestration/raw-json.ts";
import type { TaskResponse } from "../orchestration/task-row.ts";

/** The task without its context where the reader lacks `tasks:context_read`: that is where customers' data is. */
export function forReader(task: TaskResponse, reader: Principal): TaskResponse {
  return isPermitted(reader, "tasks:context_read") ? task : { ...task, context: new RawJson("null") };
}
