import type { ErrorEntry } from "./catalogue.ts";

/** The sandbox machinery: processes, frames, walls. */
export const SANDBOX_ERRORS = {
  TSK_SANDBOX_PROTOCOL: {
    summary: "A sandbox process sent something that is no frame of the protocol; it was killed",
    fault: "system",
    remedy:
      "Nothing to do: its steps run again elsewhere. If it repeats for one namespace, look at what its handlers do",
    httpStatus: 503,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
