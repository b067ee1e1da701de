/** How a disposable process tells why it refuses: the facts of a `TaskerError`, so that the host can raise it again. */
import { isTaskerError } from "../../core/errors/index.ts";

export interface Refusal {
  readonly code: string;
  readonly attempted: string;
  readonly found: string;
  readonly accepted?: string | undefined;
}

/** The refusal behind an error; an error of another kind is the process's own failure and says so. */
export function refusalOf(error: unknown): Refusal {
  if (isTaskerError(error)) {
    const { code, attempted, found, accepted } = error;
    return { code, attempted, found, accepted };
  }
  const found = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: "TSK_COMPONENT_PREPARE_LOST", attempted: "Cannot prepare the component", found: found.slice(0, 500) };
}
