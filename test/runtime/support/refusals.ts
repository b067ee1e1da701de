import { TaskerError } from "../../../src/core/errors/index.ts";

/** The code of the refusal that `attempt` ends in; the value where it ends in none. */
export async function refusalOf(attempt: () => unknown): Promise<unknown> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof TaskerError) return error.code;
    throw error;
  }
}
