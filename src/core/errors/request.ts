import type { ErrorEntry } from "./catalogue.ts";

/** Requests over HTTP or the command line that cannot be carried out. */
export const REQUEST_ERRORS = {
  TSK_REQUEST_INVALID: {
    summary: "A parameter or a body member is missing, of the wrong type or out of range",
    fault: "user",
    remedy: "Correct the member that the error names",
    httpStatus: 400,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
