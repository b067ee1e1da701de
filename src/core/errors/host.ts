import type { ErrorEntry } from "./catalogue.ts";

/** The host itself: starting, stopping, its surroundings. */
export const HOST_ERRORS = {
  TSK_HOST_CALLABLE_TAKEN: {
    summary: "Two native handlers want the same callable",
    fault: "user",
    remedy: "Subscribe one handler for each callable",
    httpStatus: 409,
  },
  TSK_HOST_INTERNAL: {
    summary: "The host met a state that its authors did not foresee",
    fault: "system",
    remedy: "Report it with the log lines around it",
    httpStatus: 500,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
