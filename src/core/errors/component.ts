import type { ErrorEntry } from "./catalogue.ts";

/** Why a component's bytes are refused: the gate between an upload and the registry. */
export const COMPONENT_ERRORS = {
  TSK_COMPONENT_NOT_A_COMPONENT: {
    summary: "The bytes are not a WebAssembly component",
    fault: "user",
    remedy:
      "Build the handler with `tasker-host build`, or any toolchain that makes a component for `tasker:handler@1.0.0`",
    httpStatus: 422,
  },
} as const satisfies Record<`TSK_${string}`, ErrorEntry>;
