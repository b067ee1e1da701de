import type { ErrorEntry } from "./catalogue.ts";

/** How a step can end without success. Each is an error_code of a step execution result. */
export const HANDLER_ERRORS = {
  TSK_HANDLER_NOT_FOUND: {
    summary: "No active component or native handler serves the callable of the step",
    fault: "user",
    remedy: "Build and load the component that lists the callable, or correct `handler.callable` in the template",
    httpStatus: 404,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
