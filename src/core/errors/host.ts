import type { ErrorEntry } from "./catalogue.ts";

/** The host itself: starting, stopping, its surroundings. */
export const HOST_ERRORS = {
  TSK_HOST_INTERNAL: {
    summary: "The host met a state that its authors did not foresee",
    fault: "system",
    remedy: "Report it with the log lines around it",
    httpStatus: 500,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
