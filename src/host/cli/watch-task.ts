import type { Clock } from "../../core/clock.ts";
import { isTaskerError } from "../../core/errors/index.ts";
import type { ApiClient } from "./api-client.ts";
import type { TaskSnapshot } from "./dag-view.ts";
import { hasEnded } from "./task-end.ts";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1_000;
/** How long the API may be away while a task is watched: a host that restarts is back in less. */
const PATIENCE_MS = 60_000;

/**
 * The task whenever something about it changed, until it has ended or `interrupted` aborts; undefined while the API is away.
 *
 * @throws TSK_TASK_NOT_FOUND, and TSK_REQUEST_API_UNREACHABLE where it stays away for a minute, or was never there.
 */
export async function* watchTask(
  taskUuid: string,
  { api, clock, interrupted }: { readonly api: ApiClient; readonly clock: Clock; readonly interrupted: AbortSignal },
): AsyncGenerator<TaskSnapshot | undefined> {
  let waitMs = FIRST_WAIT_MS;
  let before = "";
  // An API that was never there is no host that restarts.
  let answeredMs = Number.NEGATIVE_INFINITY;
  while (!interrupted.aborted) {
    const snapshot = await readTask(taskUuid, api).catch((error: unknown) => {
      if (interrupted.aborted) return undefined;
      if (!isPassing(error) || clock.monotonicMs() - answeredMs > PATIENCE_MS) throw error;
      return undefined;
    });
    if (snapshot !== undefined) answeredMs = clock.monotonicMs();
    const now = JSON.stringify(snapshot) ?? "";
    if (now !== before && !interrupted.aborted) yield snapshot;
    if (snapshot !== undefined && hasEnded(snapshot.task)) return;
    waitMs = now === before ? Math.min(waitMs * 1.5, LONGEST_WAIT_MS) : FIRST_WAIT_MS;
    before = now;
    await clock.wait(waitMs, interrupted);
  }
}

/** The task first: its steps are then at least as new, so that an ended task never shows a step that still runs. */
export async function readTask(taskUuid: string, api: ApiClient): Promise<TaskSnapshot> {
  const task = await api.task(taskUuid);
  return { task, steps: await api.steps(taskUuid) };
}

function isPassing(error: unknown): boolean {
  return isTaskerError(error) && [408, 503].includes(error.entry.httpStatus);
}
