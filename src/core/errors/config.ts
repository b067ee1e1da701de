import type { ErrorEntry } from "./catalogue.ts";

/** Configuration that cannot be used: the host does not start. */
export const CONFIG_ERRORS = {
  TSK_CONFIG_INVALID: {
    summary: "A configuration value is unknown, of the wrong type or out of range",
    fault: "user",
    remedy:
      "Correct the key in the place that the error names; `tasker-host config print` shows where each value comes from",
    httpStatus: 500,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
