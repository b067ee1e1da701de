import type { ErrorEntry } from "./catalogue.ts";

/** Task templates that cannot be registered. */
export const TEMPLATE_ERRORS = {
  TSK_TEMPLATE_INVALID: {
    summary: "A task template breaks the rules",
    fault: "user",
    remedy: "Correct the key at the file and line that the error names",
    httpStatus: 422,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
